"""How does scikit-learn train and ask this classifier? `AlexNetClassifier`: arrays or paths in, its interface."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from alexnet import device as machines
from alexnet.config import Config
from alexnet.data.memory import HeldSet
from alexnet.data.peek import DataFacts
from alexnet.scoring.infer import probabilities
from alexnet.ship.arrays import Pictures, look_at_input
from alexnet.training.curvature import curvature_at_start
from alexnet.training.evaluate import batch_for
from alexnet.training.loop import train as train_network
from alexnet.training.resolve import Request, resolve
from alexnet.training.trained import load_network

#: What has to do with place in a picture, and is left alone for rows of numbers unless it is asked for.
_STILL = {
    "augment.flip": False,
    "augment.pad": 0,
    "augment.zoom": 1.0,
    "augment.stretch": 1.0,
    "augment.colour": "none",
}


class AlexNetClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of pictures with scikit-learn's interface: `fit`, `predict`, `predict_proba`, `score`.

    It works in pipelines, cross validation and searches, and is cloned and pickled like any other. All pictures given
    to `fit` train, none is held out, and nothing is kept on the disk: to keep, resume, explain or export a training,
    use `alexnet.train`.

    What X may be:

    - pictures as an array, (N, H, W, 3) or (N, H, W) of grey ones;
    - paths of N picture files, in a list or an array;
    - rows of numbers (N, D), as scikit-learn's tools pass them: a row of a*a or a*a*3 values is a square picture, row
      by row with the colours last, and one of another length is filled up with zeros to the next a*a. Such rows are
      not mirrored, moved or coloured. (A table that shows no picture is better served by another classifier.)

    Whole numbers of type uint8 are grey levels. Any others are mapped so that the smallest and largest of the training
    pictures become 0 and 255, and cut off there in `predict`.

    Args:
        recipe: name of a recipe; None chooses one for the pictures and the machine, as `alexnet train` does.
        epochs, batch, rate, size: `train.epochs`, `train.batch`, `optim.rate`, `data.size`; None leaves them to the
            recipe.
        changes: any settings by dotted name, e.g. `{"model.table": "paper"}`; they win over those above.
        device: "auto", "cpu", "cuda" or "mps". threads: of the CPU, 0 for torch's choice.
        random_state: int, `RandomState` or None, as scikit-learn has it: decides every draw.

    Attributes:
        classes_: (K,), the labels, sorted.
        n_features_in_: D, for rows of numbers.
        config_: the complete settings that trained it.
        trained_: the network with its preprocessing.
    """

    def __init__(
        self,
        *,
        recipe: str | None = None,
        epochs: int | None = None,
        batch: int | None = None,
        rate: float | None = None,
        size: int | None = None,
        changes: Mapping[str, Any] | None = None,
        device: str = "auto",
        threads: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.recipe = recipe
        self.epochs = epochs
        self.batch = batch
        self.rate = rate
        self.size = size
        self.changes = changes
        self.device = device
        self.threads = threads
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike) -> AlexNetClassifier:  # noqa: N803  scikit-learn's name
        """Train from scratch on pictures X and labels y (N,) of any type that sorts; returns itself.

        Raises:
            ValueError: fewer than two classes, a shape that is none of the above, a file that cannot be read, values
                that are not finite, a setting that does not fit.
        """
        pictures = look_at_input(self, X, fitting=True)
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None: it learns from labelled pictures")
        labels = column_or_1d(np.asarray(y), warn=True)
        check_classification_targets(labels)
        check_consistent_length(pictures, labels)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"there is only 1 class, {self.classes_[0]}: give pictures of two classes or more")
        self._fit(pictures, numbers)
        return self

    def _fit(self, pictures: Pictures, labels: np.ndarray) -> None:
        machine = machines.choose(self.device, self.threads)
        facts = DataFacts(name="memory", pictures=len(pictures), classes=len(self.classes_), side=pictures.side)
        names = tuple(str(number) for number in range(len(self.classes_)))
        held: list[HeldSet] = []

        def prepare(config: Config) -> HeldSet:
            if not held:
                squares = np.concatenate(list(pictures.squares(config.data.size, config.data.fit)))
                held.append(HeldSet(squares, labels, names, config.data.fit))
            return held[0]

        request = Request(recipe=self.recipe, changes=self._given(pictures))

        def bound(config: Config) -> float:
            return curvature_at_start(config, prepare(config), machine.device)

        self.config_ = resolve(request, facts, machine, bound).config
        with tempfile.TemporaryDirectory(prefix="alexnet-") as folder:
            train_network(self.config_, prepare(self.config_), Path(folder), machine=machine, save_every=float("inf"))
            self.trained_ = load_network(Path(folder) / "weights" / "last.safetensors")

    def _given(self, pictures: Pictures) -> dict[str, Any]:
        """The settings that were given, by dotted name."""
        if isinstance(self.random_state, int):
            seed = self.random_state
        else:
            seed = int(check_random_state(self.random_state).randint(1 << 31))
        short = {
            "train.epochs": self.epochs,
            "train.batch": self.batch,
            "optim.rate": self.rate,
            "data.size": self.size,
        }
        given = {name: value for name, value in short.items() if value is not None}
        return (_STILL if pictures.flat else {}) | {"train.seed": seed} | given | dict(self.changes or {})

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Probabilities float64 (N, K) of the classes in the order of `classes_`, by the central crop.

        Raises:
            NotFittedError: before `fit`. ValueError: pictures that cannot be read or are not of the kind in `fit`.
        """
        check_is_fitted(self)
        pictures = look_at_input(self, X, fitting=False)
        return np.concatenate(list(self._probabilities(pictures)))

    def _probabilities(self, pictures: Pictures) -> Iterator[np.ndarray]:
        machine = machines.choose(self.device, self.threads)
        trained = self.trained_
        network, preprocess = trained.network.to(machine.device), trained.preprocess.to(machine.device)
        size, fit = preprocess.size, preprocess.fit
        for squares in pictures.squares(size, fit, batch_for(preprocess.crop)):
            yield probabilities(network, preprocess, torch.from_numpy(squares), device=machine.device)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The most probable class of each picture: (N,), of the type of y. Raises as `predict_proba` does."""
        found = self.predict_proba(X)
        return cast(np.ndarray, self.classes_[found.argmax(axis=1)])
