"""How does one look into a network from Python? `AlexNetVisualizer`: a method a picture, of a run or of any module."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from alexnet import draws
from alexnet.data.square import to_square
from alexnet.drawing import figures
from alexnet.drawing.style import save
from alexnet.insight.curves import draw_curves
from alexnet.insight.judged import judge, tops
from alexnet.insight.kernels import draw_kernels, kernels_of
from alexnet.insight.maps import draw_maps, feature_maps
from alexnet.insight.picture import Picture, Transform, eaten_and_seen, square_of
from alexnet.insight.predictions import SHOWN, draw_judged
from alexnet.insight.single import STEPS, attribution_of, imagined_of, neighbours_of
from alexnet.model.network import AlexNet
from alexnet.scoring.infer import testing
from alexnet.training.run import Run, load

Path = str | os.PathLike[str]


class AlexNetVisualizer:
    """Pictures of what a network has learned: each method returns a matplotlib figure and, given `to`, writes it.

    What `to` names is written as PNG or SVG, as its name ends. A picture is given as a file, a Pillow picture, uint8 of
    shape (height, width, 3), a uint8 tensor (3, height, width), or a tensor of floats as the network takes it. The
    network computes in test mode on the device it is on, and is left in the mode it was in.

    Args:
        model: a `Run`, a run's folder or weights file; or any torch module that takes pictures N,C,H,W, such as an
            `AlexNet` or an `nn.Sequential`, of which the kernels, maps and predictions can be seen.
        preprocess: for a module, how a Pillow picture becomes a tensor of floats; a run knows its own.
        classes: names of a module's classes; numbers otherwise.

    Every method raises ValueError, in a sentence, for what cannot be shown: a layer that is none, a picture that cannot
    be read, a module where a run is needed.
    """

    def __init__(
        self, model: Run | Path | nn.Module, *, preprocess: Transform | None = None, classes: Sequence[str] = ()
    ) -> None:
        if isinstance(model, str | os.PathLike):  # pyrefly: ignore[implicit-any-type-argument]
            model = load(model)
        if not isinstance(model, Run | nn.Module):
            raise ValueError(f"a run, its folder or a torch module can be looked into, not a {type(model).__name__}")
        self.run = model if isinstance(model, Run) else None
        self.network: nn.Module = model.network if isinstance(model, Run) else model
        if self.run is not None and (preprocess is not None or classes):
            raise ValueError("a run knows its own preprocessing and classes; give these for a module only")
        self.classes = self.run.classes if self.run is not None else tuple(classes)
        self._preprocess = preprocess

    @property
    def _device(self) -> torch.device:
        return next((one.device for one in self.network.parameters()), torch.device("cpu"))

    def plot_conv_filters(self, layer: str = "conv1", *, to: Path | None = None) -> Figure:
        """The kernels of a convolution: all of the first one's in colour, columns apart, as in figure 3 of the paper.

        Later layers read maps that have no colour: the kernels of largest norm are drawn in grey by input channel.
        In a plain module conv5 is the fifth `nn.Conv2d`, and names such as "features.10" count too.
        """
        return _saved(draw_kernels(kernels_of(self.network, layer)), to)

    def plot_feature_maps(
        self, image: Picture, layer: str = "conv5", *, top: int = 16, to: Path | None = None
    ) -> Figure:
        """The maps of a layer for one picture, those `top` with the largest values; of a dense layer its units."""
        eaten, seen = self._both(image)
        found = feature_maps(self.network, eaten, layer, top=top)
        return _saved(draw_maps(found, picture=seen, classes=self.classes), to)

    def plot_training_curves(self, *others: Run | Path, reference: bool = True, to: Path | None = None) -> Figure:
        """Losses, top-1 and top-5 errors of the run, and of others over them.

        Args:
            reference: mark the paper's 15.3% on the top-5 axes, where these reach that far.
        """
        runs = [self._needs_run("training curves"), *others]
        return _saved(
            draw_curves([one.folder if isinstance(one, Run) else one for one in runs], reference=reference), to
        )

    def plot_predictions(
        self,
        images: Picture | Sequence[Picture] | None = None,
        *,
        true: Sequence[str | None] | None = None,
        to: Path | None = None,
    ) -> Figure:
        """Up to eight pictures with the five most probable classes under each, as in figure 4 of the paper.

        Args:
            images: None draws eight of the run's held-out pictures by its seed.
            true: the pictures' classes, where they are known.
        """
        if images is None:
            return _saved(self._held_out(), to)
        given = list(images) if isinstance(images, Sequence) and not isinstance(images, str) else [images]
        if not 0 < len(given) <= SHOWN:
            raise ValueError(f"1 to {SHOWN} pictures fit into the figure, not {len(given)}")
        names = [None] * len(given) if true is None else list(true)
        if len(names) != len(given):
            raise ValueError(f"there are {len(given)} pictures and {len(names)} true classes")
        both = [self._both(image) for image in given]
        with torch.no_grad(), testing(self.network):
            logits = torch.cat([self.network(eaten) for eaten, _ in both])  # N,K
        if logits.ndim != 2:
            raise ValueError(f"the network gives {tuple(logits.shape[1:])} for a picture, not a number for each class")
        shares = logits.cpu().double().softmax(1).numpy()
        classes = self.classes or tuple(f"class {i}" for i in range(shares.shape[1]))
        if len(classes) != shares.shape[1]:
            raise ValueError(f"the network tells {shares.shape[1]} classes apart, and {len(classes)} names were given")
        side = max(seen.shape[1] for _, seen in both)
        squares = np.stack([_square(seen, side) for _, seen in both])
        return _saved(figures.panels(squares, names, tops(shares, classes), title="Predictions"), to)

    def plot_neighbours(
        self,
        image: Picture,
        *,
        among: Path | None = None,
        number: int = 6,
        metric: str = "euclidean",
        to: Path | None = None,
    ) -> Figure:
        """The pictures nearest to this one in the last hidden layer, as in figure 4 of the paper, with their distances.

        Args:
            among: a folder or source of pictures to search; None is those that the run was trained on.
            number: how many are shown, at most ten.
            metric: "euclidean" or "cosine".
        """
        run = self._needs_run("neighbours")
        square, device = square_of(run, image), str(self._device)
        return _saved(neighbours_of(run, square, among=among, number=number, metric=metric, device=device), to)

    def plot_attribution(
        self, image: Picture, method: str = "grad-cam", *, target: int | str | None = None, to: Path | None = None
    ) -> Figure:
        """The pixels that speak for a class in a picture, by one of the methods of `insight/attribution.py`.

        Args:
            target: a class by number or name; None is the most probable one.
        """
        model = self.run if self.run is not None else self._needs_alexnet("attribution")
        eaten, seen = self._both(image)
        return _saved(attribution_of(model, eaten[0], seen, method, target, self.classes), to)

    def plot_imagined(
        self, layer: str, unit: int, *, beside: int = 4, steps: int = STEPS, to: Path | None = None
    ) -> Figure:
        """The picture that a unit, or a class by its number in the last layer, would like to see: made, not found.

        Args:
            beside: pictures of the run's set that excite it most, for comparison; 0 looks at none.
            steps: of gradient ascent.
        """
        model = self.run if self.run is not None else self._needs_alexnet("an imagined picture")
        return _saved(imagined_of(model, layer, unit, beside=beside, steps=steps, device=str(self._device)), to)

    def _held_out(self) -> Figure:
        run = self._needs_run("held-out pictures")
        judged = judge(run, device=str(self._device))
        some = draws.order(run.config.train.seed, 0, len(judged), "figure 4").numpy()[:SHOWN]
        return draw_judged(run, judged, some, title="Predictions")

    def _both(self, image: Picture) -> tuple[torch.Tensor, np.ndarray]:
        return eaten_and_seen(image, self.run, self._preprocess, self._device)

    def _needs_run(self, what: str) -> Run:
        if self.run is None:
            raise ValueError(f"{what} need a run, and this is a module alone: give AlexNetVisualizer a run's folder")
        return self.run

    def _needs_alexnet(self, what: str) -> AlexNet:
        if not isinstance(self.network, AlexNet):
            raise ValueError(f"{what} needs a run or an AlexNet, not a {type(self.network).__name__}")
        return self.network


def _saved(figure: Figure, to: Path | None) -> Figure:
    if to is not None:
        save(figure, to)
    return figure


def _square(seen: np.ndarray, side: int) -> np.ndarray:
    """A picture uint8 (3,h,w) as a square of so many pixels, its middle kept."""
    if seen.shape[1:] == (side, side):
        return seen
    return to_square(np.ascontiguousarray(seen.transpose(1, 2, 0)), side, "crop")[0].transpose(2, 0, 1)
