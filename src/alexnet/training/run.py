"""What is a run, for those who use it? Its folder, its network, what it predicts and how good it is: `load`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alexnet import device as machines
from alexnet.config import Config
from alexnet.data.prepared import PreparedSet
from alexnet.data.preprocess import Preprocess
from alexnet.data.sources import find_pictures
from alexnet.model.network import AlexNet
from alexnet.scoring.infer import infer_pictures
from alexnet.scoring.scores import Scores
from alexnet.training.evaluate import batch_for, evaluate
from alexnet.training.folder import read_json
from alexnet.training.pictures import reopen
from alexnet.training.trained import Trained, load_network


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What the network says of one picture; `reason` tells why nothing, where it could not be read."""

    path: str
    label: str = ""
    probability: float = 0.0
    top: tuple[tuple[str, float], ...] = ()
    """The most probable classes with their probabilities, best first."""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A trained network with the folder it came from."""

    folder: Path
    trained: Trained
    results: dict[str, Any] = field(default_factory=dict)
    """results.json: the scores on the held-out split."""

    @property
    def network(self) -> AlexNet:
        return self.trained.network

    @property
    def preprocess(self) -> Preprocess:
        return self.trained.preprocess

    @property
    def classes(self) -> tuple[str, ...]:
        return self.trained.classes

    @property
    def config(self) -> Config:
        return self.trained.config

    def predict(
        self, paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], *, top: int = 5, device: str = "auto"
    ) -> Iterable[Prediction]:
        """Predictions of picture files, folders and lists, in their order, one by one as they are made.

        A file that cannot be read gives a Prediction with a `reason` and does not stop the others.

        Raises:
            ValueError: a path that does not exist.
        """
        if isinstance(paths, str | os.PathLike):  # pyrefly: ignore[implicit-any-type-argument]
            paths = [paths]
        return self._predict(find_pictures(paths), top, device)

    def _predict(self, files: Iterable[Path], top: int, device: str) -> Iterable[Prediction]:
        machine = machines.choose(device)
        preprocess = self.preprocess.to(machine.device)
        found = infer_pictures(
            self.network.to(machine.device),
            preprocess,
            files,
            fit=preprocess.fit,
            size=preprocess.size,
            batch=batch_for(preprocess.crop),
            device=machine.device,
        )
        for path, probabilities, reason in found:
            if probabilities is None:
                yield Prediction(path=str(path), reason=reason)
                continue
            best = (-probabilities).argsort(kind="stable")[:top]
            ranked = tuple((self.classes[i], float(probabilities[i])) for i in best)
            yield Prediction(path=str(path), label=ranked[0][0], probability=ranked[0][1], top=ranked)

    def data(self) -> PreparedSet:
        """The prepared pictures the run was trained on. Raises ValueError if they are gone or have changed."""
        return reopen(self.folder)

    def evaluate(
        self,
        source: str | os.PathLike[str] | None = None,
        *,
        split: str | None = None,
        protocol: str = "centre",
        device: str = "auto",
    ) -> Scores:
        """Scores on the run's own held-out split, or on labelled pictures elsewhere (classes matched by name)."""
        return evaluate(self, source, split=split, protocol=protocol, device=device).scores


def load(path: str | os.PathLike[str]) -> Run:
    """A run by its folder (its best weights if there are any, else its last), or by one of its weights files.

    Raises:
        ValueError: nothing is there, no weights yet, or a damaged file.
    """
    place = Path(path)
    if place.is_file():
        folder = place.parent.parent if place.parent.name == "weights" else place.parent
        return Run(folder=folder, trained=load_network(place), results=_results(folder))
    if not place.is_dir():
        raise ValueError(f"there is no run {place}; give a run's folder, such as those in runs/, or a weights file")
    for name in ("best", "last"):
        weights = place / "weights" / f"{name}.safetensors"
        if weights.exists():
            return Run(folder=place, trained=load_network(weights), results=_results(place))
    if (place / "request.json").exists():
        raise ValueError(f"the run {place} has no weights yet; `alexnet resume {place}` goes on with it")
    raise ValueError(f"{place} is not a run's folder: it holds no weights; `alexnet train` makes one")


def _results(folder: Path) -> dict[str, Any]:
    path = folder / "results.json"
    results: dict[str, Any] = read_json(path) if path.exists() else {}
    return results
