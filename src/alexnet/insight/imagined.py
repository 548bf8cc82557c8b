"""What would a unit like to see most? Pictures made for units and classes, beside the set's most exciting ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alexnet import draws
from alexnet.data.preprocess import Preprocess
from alexnet.drawing.imagined import imagined as draw
from alexnet.edits.rows import activation_of, reads
from alexnet.insight.canvas import canvas, moved, wakened
from alexnet.insight.exciting import LIMIT, Exciting, exciting, measured
from alexnet.insight.held_out import central
from alexnet.insight.methods import opened
from alexnet.insight.objectives import Objective, layers_of, of_class, unit, value_of
from alexnet.insight.panel import Panel
from alexnet.model.network import AlexNet
from alexnet.tables import CONVOLUTIONS
from alexnet.training.run import Run

#: Steps of gradient ascent where nobody says; the album takes more for small pictures and fewer for large ones, about
#: so many for those of 64 pixels.
STEPS, _OF_ALBUM = 128, 96
_RATE = 0.08
#: Exciting pictures of the set beside each imagined one.
_BESIDE = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Imagined:
    """Pictures made for objectives."""

    objectives: tuple[Objective, ...]
    pictures: np.ndarray
    """uint8 (N,3,H,W), of the size that the network takes."""
    values: np.ndarray
    """float32 (N,): what each objective is for its 8-bit picture, through the preprocessing and in test mode."""
    steps: int


def imagine(
    run: Run | AlexNet,
    objectives: Objective | Sequence[Objective],
    *,
    steps: int = STEPS,
    seed: int | None = None,
    device: str = "cpu",
) -> Imagined:
    """A picture for each objective, by gradient ascent (Adam) on the waves of `canvas.py`.

    Args:
        run: a run, whose preprocessing, mean colour and colour basis are used; of a network alone the input is taken
            to be grey levels less 127.5.
        seed: of the waves to begin with and of the movements; None is the run's.

    The same arguments give the same pictures. The network stays as it was: the work is done on a copy.
    Raises ValueError for objectives that do not fit the network, and for less than one step.
    """
    wanted = (objectives,) if isinstance(objectives, Objective) else tuple(objectives)
    if steps < 1 or not wanted:
        raise ValueError(f"imagining takes a step and an objective or more, not {steps} and {len(wanted)}")
    network = opened(run.network if isinstance(run, Run) else run).to(device)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    wakened(network)
    layers, last = layers_of(network, wanted), network.layer_names[-1]
    preprocess, basis = _looks(run, network.size)
    preprocess = preprocess.to(device)
    seed = (run.config.train.seed if isinstance(run, Run) else 0) if seed is None else seed
    names = torch.tensor([draws.word(repr(one)) for one in wanted], device=device)
    paper = canvas(preprocess.crop, preprocess.mean.mean((1, 2)), basis)
    waves = paper.start(draws.keys(seed, 0, names)).requires_grad_()
    ascent = torch.optim.Adam([waves], lr=_RATE)

    def excited(pictures: Tensor) -> Tensor:
        values = network.extract(preprocess(pictures), layers)
        each = [{name: one[i : i + 1] for name, one in values.items()} for i in range(len(wanted))]
        return torch.cat([value_of(one, own, last) for one, own in zip(wanted, each, strict=True)])  # N

    for step in range(1, steps + 1):
        ascent.zero_grad()
        (-excited(moved(paper.pictures(waves), draws.keys(seed, step, names))).sum()).backward()
        ascent.step()
    with torch.no_grad():
        pictures = paper.pictures(waves).round().to(torch.uint8)
        values = excited(pictures)
    return Imagined(
        objectives=wanted, pictures=pictures.cpu().numpy(), values=values.float().cpu().numpy(), steps=steps
    )


def _looks(run: Run | AlexNet, size: int) -> tuple[Preprocess, Tensor | None]:
    if isinstance(run, Run):
        return run.preprocess, run.trained.basis
    grey = torch.full((3, 1, 1), 127.5)
    return Preprocess(grey, torch.ones(3, 1, 1), size=size, fit="crop", crop=size), None


def seen_by_units(network: AlexNet) -> tuple[str, str]:
    """Of the last convolution whose maps have places its name, and the row whose values stand for it: what its
    activation reads, which is not cut off at 0; else its own. Without such a convolution, the last hidden dense row."""
    table, shapes = network.table, network.shapes
    rows = [row.name for row in table.layers if row.kind in CONVOLUTIONS and max(shapes[row.name][1:]) > 1]
    dense = [row.name for row in table.layers if row.kind == "dense"]
    name = rows[-1] if rows else dense[max(0, len(dense) - 2)]
    activation = activation_of(table, name)
    return name, reads(table)[activation.name][0] if activation else name


def panels(
    run: Run, *, device: str = "cpu", units: int = 6, classes: int = 4, steps: int | None = None, limit: int = LIMIT
) -> Iterator[Panel]:
    """Pictures imagined for units of the last convolution and for classes, each beside the set's most exciting ones.

    The units are those whose strongest value varies most among the set's pictures, of those that like different ones;
    of many classes some are drawn by the run's seed. Raises ValueError without the run's pictures.
    """
    network, seed = run.network, run.config.train.seed
    name, row = seen_by_units(network)
    count, *sides = network.shapes[row]
    numbers = sorted(draws.order(seed, 0, len(run.classes), "imagined")[:classes].tolist())
    asked = [unit(row, place) for place in range(count)] + [of_class(number) for number in numbers]
    found = exciting(run, asked, top=_BESIDE, limit=limit, device=device)
    chosen = _unlike(found, count, units)
    middle = (sides[0] // 2, sides[1] // 2) if sides else None
    wanted = [unit(row, int(place), middle) for place in chosen] + [of_class(number) for number in numbers]
    steps = steps or int(np.clip(_OF_ALBUM * 64 // network.size, 48, 192))
    made = imagine(run, wanted, steps=steps, device=device)
    # What is shown of both is the same number: the strongest place's, wherever it is.
    places = [*chosen.tolist(), *range(count, count + len(numbers))]
    images = run.preprocess.to(device)(torch.from_numpy(made.pictures).to(device))
    values = measured(network.to(device), images, [asked[place] for place in places]).diagonal().numpy()
    kinds = (
        ("units", f"Units of {name}", [f"unit {place}" for place in chosen], slice(0, len(chosen))),
        ("classes", "Classes", [run.classes[number] for number in numbers], slice(len(chosen), None)),
    )
    for kind, title, names, part in kinds:
        if names:
            yield _panel(run, found, made, values, places, kind, title, names, part, row)


def _unlike(found: Exciting, count: int, wanted: int) -> np.ndarray:
    """Units whose values vary most, none with a best picture that another one has among its own while there are any."""
    taken: list[int] = []
    seen: set[int] = set()
    order = np.argsort(-found.deviation[:count], kind="stable").tolist()
    for place in order:
        if len(taken) < wanted and int(found.rows[place, 0]) not in seen:
            taken.append(place)
            seen |= set(found.rows[place].tolist())
    rest = [place for place in order if place not in taken]
    return np.sort(np.array((taken + rest)[:wanted], dtype=np.int64))


def _panel(
    run: Run,
    found: Exciting,
    made: Imagined,
    values: np.ndarray,
    places: list[int],
    kind: str,
    title: str,
    names: list[str],
    part: slice,
    row: str,
) -> Panel:
    own, best, rows = values[part], found.values[places[part]], found.rows[places[part]]
    beside = central(run, run.data().gather(rows.ravel())).reshape(*rows.shape, *made.pictures.shape[1:])
    above = int((own > best[:, 0]).sum())
    of = f"{found.n:,} pictures of all splits" if found.n == found.total else f"{found.n:,} of {found.total:,} pictures"
    what = f"the strongest value in the unit's map ({row})" if kind == "units" else "the class's logit"
    ordered = "some units that vary much and like different pictures" if kind == "units" else "each class"
    return Panel(
        name=f"imagined_{kind}",
        title=f"Imagined pictures: {title.lower() if kind == 'classes' else title}",
        figure=draw(
            made.pictures[part],
            own.tolist(),
            names,
            beside,
            best,
            title=f"What {'units of ' + title[9:] if kind == 'units' else 'classes'} would like to see",
            note=f"framed: imagined; beside it the most exciting of {of}; below: {what}",
        ),
        caption=(
            f"For {ordered} a picture was made from almost nothing, step by step, so that it excites the network more "
            f"and more (framed). Beside it are the pictures of the set that do so most. Under each stands {what}, for "
            "the imagined picture after rounding to 8 bits. What imagined and real pictures share, a colour, a stripe, "
            f"a shape, is what the {'unit' if kind == 'units' else 'network'} looks for. {above} of {len(own)} "
            "imagined pictures excite more than the best real one."
        ),
        numbers={
            "layer": row if kind == "units" else run.network.layer_names[-1],
            "steps": made.steps,
            "pictures": found.n,
            "of": found.total,
            "imagined_above_best": above,
            kind: [
                {"name": name, "imagined": float(mine), "best_of_set": float(its[0]), "rows": seen.tolist()}
                for name, mine, its, seen in zip(names, own, best, rows, strict=True)
            ],
        },
    )
