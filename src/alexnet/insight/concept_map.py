"""Which pictures and classes does the network put side by side? Its last hidden layer in two dimensions.

By principal components, which keep directions and large distances, and by t-SNE (van der Maaten and Hinton 2008), which
keeps neighbours: near points are alike, and neither the distance between groups nor their size says anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from alexnet import device as machines
from alexnet.drawing.scatter import scatter, thumbnails
from alexnet.insight.features import last_hidden
from alexnet.insight.held_out import central, held_out
from alexnet.insight.index import of_rows
from alexnet.insight.neighbours import Agreement, agreement
from alexnet.insight.panel import Panel
from alexnet.insight.search import nearest
from alexnet.training.run import Run

#: Neighbours whose classes are compared.
NEIGHBOURS = 10
#: Numbers a picture that t-SNE sees, and how many neighbours it minds; the authors took 30 and 5 to 50.
_SEEN, _PERPLEXITY = 50, 30.0
#: Fewer points than this are not placed by t-SNE.
_LEAST = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class ConceptMap:
    """Pictures in two dimensions, and how much of their neighbourhoods is left there."""

    pca: np.ndarray
    """float64 (N, 2)."""
    explained: tuple[float, float]
    """Shares of the variance along the two components."""
    tsne: np.ndarray | None
    """float64 (N, 2); None for fewer than five pictures, or where all features are equal."""
    same: dict[str, Agreement]
    """How many of the ten nearest others are of the same class: `features`, `pca`, `tsne`."""


def concept_map(values: np.ndarray, labels: np.ndarray, *, seed: int = 0) -> ConceptMap:
    """Place pictures by their features.

    Args:
        values: (N, D), N at least 2. labels: int64 (N,), which have no part in the placing.
        seed: of t-SNE's descent; its start are the principal components.
    """
    from sklearn.decomposition import PCA

    rows = np.asarray(values, dtype=np.float64)
    n = len(rows)
    assert n >= 2
    assert labels.shape == (n,)
    if not np.ptp(rows, axis=0).any():  # no direction is longer than another
        flat = np.zeros((n, 2))
        places: dict[str, np.ndarray | None] = {"pca": flat, "tsne": None}
        explained = (0.0, 0.0)
    else:
        model = PCA(min(_SEEN, n, rows.shape[1]), svd_solver="full").fit(rows)
        seen = _two_or_more(model.transform(rows))
        shares = [*model.explained_variance_ratio_.tolist(), 0.0]
        places = {"pca": seen[:, :2], "tsne": _tsne(seen, seed) if n >= _LEAST else None}
        explained = (shares[0], shares[1])
    pca = places["pca"]
    assert pca is not None
    same = {
        name: _same_class(found, labels) for name, found in ({"features": rows} | places).items() if found is not None
    }
    return ConceptMap(pca=pca, explained=explained, tsne=places["tsne"], same=same)


def _two_or_more(seen: np.ndarray) -> np.ndarray:
    return np.pad(seen, ((0, 0), (0, max(0, 2 - seen.shape[1]))))


def _tsne(seen: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    model = TSNE(
        2,
        perplexity=min(_PERPLEXITY, (len(seen) - 1) / 3),
        # As `init="pca"`, which takes the components anew by a drawn approximation.
        init=np.asarray(seen[:, :2] / max(seen[:, 0].std(), 1e-300) * 1e-4, np.float32),
        learning_rate="auto",
        random_state=seed % (1 << 32),
    )
    return np.asarray(model.fit_transform(seen), dtype=np.float64)


def _same_class(places: np.ndarray, labels: np.ndarray) -> Agreement:
    """Among the ten nearest others; a picture is no neighbour of its own, and chance draws from the others too."""
    count = min(NEIGHBOURS, len(places) - 1)
    found = nearest(places, places, count + 1).rows
    own = found == np.arange(len(places))[:, None]
    own[~own.any(axis=1), -1] = True  # more equals than were asked for lie before it: the last one goes instead
    others = found[~own].reshape(len(places), count)
    measured = agreement(labels, labels, others)
    n, counts = len(labels), np.unique(labels, return_counts=True)[1]
    chance = float((counts * (counts - 1)).sum() / (n * (n - 1)))
    return Agreement(share=measured.share, chance=chance, n=n, number=count)


def panels(run: Run, *, device: str = "cpu", limit: int = 800) -> Iterator[Panel]:
    """`limit` held-out pictures as points, and some of them as pictures where they lie.

    Raises ValueError where the run's pictures are gone, it is nothing but its weights, or one picture is held out.
    """
    machine = machines.choose(device)
    layer = last_hidden(run.network)
    pictures = held_out(run, limit=limit)
    if len(pictures.rows) < 2:
        raise ValueError(f"a map needs 2 pictures or more, and {run.folder} holds out one")
    prepared = pictures.prepared
    index = of_rows(run, prepared, pictures.rows, layer, machine)
    labels = prepared.labels[pictures.rows]
    found = concept_map(index.values, labels, seed=run.config.train.seed)
    chance = 100 * found.same["features"].chance
    count = found.same["features"].number
    sentence = (
        f"Of a picture's {count} nearest others, {_percent(found.same['features'])} are of its class in all "
        f"{index.values.shape[1]:,} values, {_percent(found.same['pca'])} on the map of components"
        + (f", {_percent(found.same['tsne'])} on that of t-SNE" if "tsne" in found.same else "")
        + f"; chance would give {chance:.1f}%. (95% intervals; {pictures}.)"
    )
    numbers: dict[str, Any] = {
        "layer": layer,
        "split": pictures.split,
        "protocol": "centre",
        "n": len(labels),
        "explained": list(found.explained),
        "same_class": {name: one.to_dict() for name, one in found.same.items()},
    }
    maps = [("Principal components", found.pca, _called(found, "pca"))]
    if found.tsne is not None:
        maps.append(("t-SNE", found.tsne, _called(found, "tsne")))
    yield Panel(
        name="concept_map",
        title="A map of what the network sees",
        figure=scatter(
            maps,
            labels,
            prepared.classes,
            title="A map of what the network sees",
            note=f"each point a picture ({pictures}), placed by {layer}; no class had a part in the placing",
        ),
        caption=(
            f"Pictures that lie near each other are alike in {layer}, which the last layer reads. Groups of one colour "
            "are classes that the network has told apart; mixed ground is where it errs. Components keep large "
            "distances; t-SNE keeps neighbours, and the distance between its groups says nothing. " + sentence
        ),
        numbers=numbers,
    )
    name, places, _ = maps[-1]
    yield Panel(
        name="concept_map_pictures",
        title="The same map, with pictures",
        figure=thumbnails(
            places,
            central(run, prepared.gather(pictures.rows)),
            labels,
            prepared.classes,
            title="The same map, with pictures",
            note=f"{name} of {layer}; {pictures}; where pictures would lie on one another, one stands for all",
        ),
        caption=(
            "What lies where: a picture stands for those around it, with its class's mark in the corner. Look for "
            "what neighbours share: the thing itself, or only its colour, its pose or the background."
        ),
        numbers=numbers,
    )


def _percent(one: Agreement) -> str:
    share = one.share
    return f"{100 * share.value:.1f}% [{100 * share.low:.1f}, {100 * share.high:.1f}]"


def _called(found: ConceptMap, name: str) -> str:
    said = f"same class among {found.same[name].number} nearest: {_percent(found.same[name])}"
    if name == "pca":
        said += f"; {100 * sum(found.explained):.0f}% of the variance"
    return said
