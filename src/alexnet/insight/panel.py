"""What is one page of the album? A figure, the sentence under it, and the numbers that it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """One figure of `alexnet look`."""

    name: str
    """Of the file, without an ending: `kernels_conv1`."""
    title: str
    figure: Figure
    caption: str
    """In plain words, for somebody who sees such a picture for the first time: what is shown, and what to look for."""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    """What the figure shows, as JSON values."""
