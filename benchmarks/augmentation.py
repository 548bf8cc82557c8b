"""What does each augmentation make of the same pictures? A grid for docs/augmentation.md, a row an option.

    python benchmarks/augmentation.py        writes docs/pictures/augmentation.png (some seconds)

The pictures are scikit-learn's scans of digits in colours drawn for them, on grounds that are not flat.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits

from alexnet import recipes
from alexnet.config import patch
from alexnet.data.prepare import prepare
from alexnet.data.sources import list_source
from alexnet.drawing import figures
from alexnet.training.first_batch import first_inputs

TARGET = Path(__file__).parent.parent / "docs" / "pictures" / "augmentation.png"
ACROSS = 8
#: What stands over a row's pictures, and the changes to `NOTHING`.
ROWS: dict[str, dict[str, Any]] = {
    "as stored": {"augment.crop": 72},
    "crop, flip": {"augment.flip": True},
    "colour paper": {"augment.colour": "paper"},
    "zoom .3": {"augment.zoom": 0.3, "augment.stretch": 1.5},
    "jitter .4": {"augment.jitter": 0.4},
    "hue .2": {"augment.hue": 0.2},
    "randaugment 2": {"augment.randaugment": 2},
    "cutout 24": {"augment.cutout": 24},
    "mixup 1": {"augment.mixup": 1.0},
    "cutmix 1": {"augment.cutmix": 1.0},
}
NOTHING = {
    "model.classes": 10,
    "data.size": 72,
    "augment.crop": 64,
    "augment.pad": 0,
    "augment.flip": False,
    "augment.colour": "none",
    "train.batch": ACROSS,
}


def draw_pictures(root: Path, count: int = 240) -> None:
    """Coloured digits of 72 pixels in folders by class."""
    random = np.random.default_rng(3)
    digits = load_digits()
    for number in range(count):
        ink, ground, other = random.uniform(0, 255, (3, 3))
        shape = np.asarray(Image.fromarray((digits.images[number] * 15.9).astype(np.uint8)).resize((72, 72), 3)) / 255
        slope = np.linspace(0, 1, 72)[:, None, None] * np.ones((1, 72, 1))
        behind = ground * (1 - slope) + other * slope
        pixels = behind + (ink - behind) * shape[..., None]
        folder = root / str(digits.target[number])
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        draw_pictures(Path(temporary) / "in")
        prepared = prepare(list_source(Path(temporary) / "in"), Path(temporary) / "out", size=72, workers=1)
        images, titles = [], []
        for title, changes in ROWS.items():
            config = patch(recipes.QUICK.config, NOTHING | changes)
            given, preprocess = first_inputs(config, prepared, pictures=ACROSS)
            pixels = (given.images * preprocess.deviation + preprocess.mean).round().clamp(0, 255).to(torch.uint8)
            centre = (pixels.shape[2] - 64) // 2
            images.append(pixels[:, :, centre : centre + 64, centre : centre + 64].contiguous().numpy())
            titles += [title] * ACROSS
    TARGET.parent.mkdir(exist_ok=True)
    grid = figures.samples(np.concatenate(images), titles, title="The same pictures under one option each")
    figures.save(grid, TARGET)
    drawn = Image.open(TARGET).convert("RGB")
    drawn.resize((drawn.width // 2, drawn.height // 2), Image.Resampling.LANCZOS).quantize(256).save(
        TARGET, optimize=True
    )
    print(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
