"""What does `import alexnet` offer? The public names, each loaded when first asked for, so that it loads no torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alexnet.config import Config, patch
    from alexnet.insight.features import features
    from alexnet.insight.visualizer import AlexNetVisualizer
    from alexnet.model.network import AlexNet
    from alexnet.model.summary import summarize
    from alexnet.recipes import RECIPES
    from alexnet.ship.estimator import AlexNetClassifier
    from alexnet.study.reproduce import reproduce
    from alexnet.training.evaluate import evaluate
    from alexnet.training.run import Run, load
    from alexnet.training.start import resume, train

__version__ = "0.1.0"

#: Public name -> the module that defines it; the imports above tell type checkers the same.
_HOMES = {
    "RECIPES": "alexnet.recipes",
    "AlexNet": "alexnet.model.network",
    "AlexNetClassifier": "alexnet.ship.estimator",
    "AlexNetVisualizer": "alexnet.insight.visualizer",
    "Config": "alexnet.config",
    "Run": "alexnet.training.run",
    "evaluate": "alexnet.training.evaluate",
    "features": "alexnet.insight.features",
    "load": "alexnet.training.run",
    "patch": "alexnet.config",
    "reproduce": "alexnet.study.reproduce",
    "resume": "alexnet.training.start",
    "summarize": "alexnet.model.summary",
    "train": "alexnet.training.start",
}

__all__ = [
    "RECIPES",
    "AlexNet",
    "AlexNetClassifier",
    "AlexNetVisualizer",
    "Config",
    "Run",
    "__version__",
    "evaluate",
    "features",
    "load",
    "patch",
    "reproduce",
    "resume",
    "summarize",
    "train",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562) and keep it, so that it is the same object every time."""
    if name not in _HOMES:
        raise AttributeError(f"module 'alexnet' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
