"""What is a run, for those who use it? Its folder, its network, what it predicts and how good it is: `load`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from alexnet import device as machines
from alexnet.config import Config
from alexnet.data.prepared import PreparedSet
from alexnet.data.preprocess import Preprocess
from alexnet.data.sources import find_pictures
from alexnet.device import Machine
from alexnet.model.network import AlexNet
from alexnet.scoring.calibrate import temper
from alexnet.scoring.infer import infer_pictures
from alexnet.scoring.protocols import require
from alexnet.scoring.scores import Scores
from alexnet.training.calibration import Temperature, kept_temperature
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
    calibrated: bool = False
    """Whether `predict` tells probabilities at the temperature kept in calibration.json; never unless asked for."""

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
        self,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        top: int = 5,
        device: str = "auto",
        threads: int = 0,
        protocol: str = "centre",
    ) -> Iterable[Prediction]:
        """Predictions of picture files, folders and lists, in their order, one by one as they are made.

        A file that cannot be read gives a Prediction with a `reason` and does not stop the others.

        Raises:
            ValueError: a path that does not exist, an unknown protocol, or a calibrated run without a temperature for
                these weights and this protocol.
        """
        require(protocol)
        temperature = self.temperature(protocol)
        if isinstance(paths, str | os.PathLike):  # pyrefly: ignore[implicit-any-type-argument]
            paths = [paths]
        value = 1.0 if temperature is None else temperature.value
        return self._predict(find_pictures(paths), top, machines.choose(device, threads), protocol, value)

    def temperature(self, protocol: str = "centre") -> Temperature | None:
        """What `predict` tempers with; None where the run is not loaded as calibrated. Raises ValueError as it does."""
        return kept_temperature(self, protocol) if self.calibrated else None

    def _predict(
        self, files: Iterable[Path], top: int, machine: Machine, protocol: str, temperature: float
    ) -> Iterable[Prediction]:
        preprocess = self.preprocess.to(machine.device)
        found = infer_pictures(
            self.network.to(machine.device),
            preprocess,
            files,
            fit=preprocess.fit,
            size=preprocess.size,
            protocol=protocol,
            batch=batch_for(preprocess.crop),
            device=machine.device,
        )
        for path, probabilities, reason in found:
            if probabilities is None:
                yield Prediction(path=str(path), reason=reason)
                continue
            probabilities = temper(probabilities[None], temperature)[0]
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


def load(path: str | os.PathLike[str], *, calibrated: bool = False) -> Run:
    """A run by its folder (its best weights if there are any, else its last), or by one of its weights files.

    Args:
        calibrated: `predict` then tells probabilities at the temperature that `alexnet evaluate RUN --calibrate` kept.

    Raises:
        ValueError: nothing is there, no weights yet, a damaged file, or no temperature for these weights.
    """
    run = _load(path)
    if calibrated:
        run = replace(run, calibrated=True)
        run.temperature()
    return run


def _load(path: str | os.PathLike[str]) -> Run:
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
