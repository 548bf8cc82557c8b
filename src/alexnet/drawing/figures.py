"""Which figures are there? All of them by one name each: plain arrays in, a matplotlib figure out."""

from __future__ import annotations

from alexnet.drawing.confidence import calibration, per_class
from alexnet.drawing.curves import curves
from alexnet.drawing.grids import kernels, samples
from alexnet.drawing.mistakes import confusion, panels
from alexnet.drawing.style import png, save
from alexnet.drawing.sweep import sweep

__all__ = ["calibration", "confusion", "curves", "kernels", "panels", "per_class", "png", "samples", "save", "sweep"]
