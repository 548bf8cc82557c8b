"""Which settings does a run have? The five parts of a Config: every number that decides a result, and what it means.

Fields are scalars or tuples of scalars. A field that comes later has a default that means "as before", so that what
older versions wrote is read as it was meant. No torch here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """How pictures become the prepared squares, and how those are centred."""

    size: int = 256
    """Side of the stored square, pixels: the shorter side is scaled to it and the centre kept (section 2)."""
    fit: Literal["crop", "squash", "letterbox"] = "crop"
    """How a picture that is not square becomes one: cut the ends, squeeze, or pad with grey."""
    centre: Literal["mean-image", "channel-mean"] = "mean-image"
    """What is subtracted: the training set's mean of every pixel (section 2), or of every channel."""
    scale: Literal["raw", "deviation"] = "raw"
    """Pixels stay on the 0-255 scale (the paper and its source), or are divided by the channels' deviations."""
    split_seed: int = 0
    """Seed of the split, used only where the source names none."""
    all_of_train: bool = False
    """Train also on the part of the training pictures that would have selected; reports the last weights."""


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """What is done to a training picture at random (section 4.1)."""

    crop: int = 224
    """Side of the square the network sees, pixels; testing uses the central one."""
    pad: int = 0
    """Mirror padding added on every side before the crop, pixels (for pictures as small as the crop)."""
    shift: bool = True
    """Cut the crop at a random place; False = always the central one, as in testing."""
    flip: bool = True
    """Mirror left and right with probability one half."""
    share: int = 1
    """Pictures in a row of the epoch's order that share one crop and flip: 1, or 32 as in the 2012 program."""
    zoom: float = 1.0
    """Smallest share of the crop's area that a random zoom may keep; 1 = none."""
    stretch: float = 1.0
    """Largest ratio of the sides of the zoomed window; 1 = square."""
    colour: Literal["none", "paper", "source"] = "source"
    """Colour PCA. paper: eigenvalues of pixels in [0,1]; source: standard deviations, then divided by 1 + sigma."""
    colour_sigma: float = 0.1
    """Standard deviation of the three colour draws of a picture."""
    colour_off_epoch: int = 0
    """First epoch (counted from 1) without colour noise; 0 = never off."""
    jitter: float = 0.0
    """Brightness, contrast and saturation are each multiplied by a factor from 1 - jitter to 1 + jitter."""
    hue: float = 0.0
    """Largest turn of the hue either way, in turns (0.5 = the opposite colour)."""
    randaugment: int = 0
    """Operations that RandAugment (kornia) draws for a picture; 0 = none."""
    randaugment_magnitude: int = 9
    """Strength of RandAugment's operations, 1 to 29."""
    cutout: int = 0
    """Side of a square at a random place that is filled with the mean colour, pixels; 0 = none."""
    mixup: float = 0.0
    """MixUp: the share of the second picture follows Beta(mixup, mixup); 0 = off."""
    cutmix: float = 0.0
    """CutMix: the area taken from the second picture follows Beta(cutmix, cutmix); 0 = off."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Which network."""

    table: str = "paper"
    """Name of the table of layers: `alexnet summary` lists them."""
    classes: int = 0
    """Outputs of the last layer; 0 = as many as the data has."""
    input: Literal["table", "ceil224", "crop227", "pad2"] = "table"
    """How the first layer reaches 55 x 55: the 2012 program's zeros right and below, Caffe's 227, or padding 2."""
    init: Literal["table", "paper", "source", "caffe", "torch", "he"] = "table"
    """Initial weights and biases: the table's own, or another named set."""
    init_bias: float = -1.0
    """First bias of the rows that their table starts with a bias above 0 (section 5: 1); -1 = the table's."""
    without: tuple[str, ...] = ()
    """Rows to leave out, by name; a layer's activation and normalization (dense: dropout too) go along, pools stay."""
    activation: Literal[
        "table", "relu", "tanh", "sigmoid", "leaky-relu", "elu", "gelu", "silu", "softplus", "linear"
    ] = "table"
    """What stands in place of every ReLU (or tanh, in lenet)."""
    norm: Literal["table", "none", "response", "batch"] = "table"
    """Normalization: the table's own, none, response normalization after the first two convolutions, or batch."""
    pooling: Literal["table", "3/2", "2/2"] = "table"
    """Window and stride of the pools: overlapping as in section 3.4, or not; the dense layers see as many maps."""
    width: float = 1.0
    """Multiplies the maps and hidden units of every layer."""
    columns: int = 0
    """Columns in which the convolutions after the first, except the third, see only their own maps; 0 = the table's."""
    dropout: float = -1.0
    """Share of units that dropout silences; 0 = none, -1 = the table's."""
    dropout_mode: Literal["table", "paper", "inverted"] = "table"
    """Halve at test time (section 4.2), or scale up in training (torch)."""
    residual: bool = False
    """Each of conv3 to conv5 adds what it read to what it computes, through a 1 x 1 convolution where widths differ."""
    attention: Literal["none", "squeeze-excite", "self"] = "none"
    """Attention after the last convolution: over maps (squeeze-and-excitation) or over places (self-attention)."""
    dilation: int = 1
    """Spacing of the kernels' points in conv3 to conv5."""


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """The update rule and the learning rate (section 5)."""

    rule: Literal["velocity", "sgd", "adamw"] = "velocity"
    """velocity: section 5's rule (the rate inside the velocity); sgd: torch's; adamw."""
    rate: float = 0.01
    """Highest learning rate of the schedule."""
    momentum: float = 0.9
    """Momentum of velocity and sgd; the first beta of adamw."""
    nesterov: bool = False
    """Nesterov's momentum (rule sgd)."""
    decay: float = 0.0005
    """Weight decay, multiplied by each layer's own factor in its table."""
    decay_biases: bool = True
    """Decay biases and normalization parameters too (the text says all weights; the 2012 files say weights only)."""
    bias_rate: float = 1.0
    """Learning rate of biases relative to weights: 1 in the text, 2 in the 2012 files."""
    bias_follows: bool = True
    """Biases follow the schedule; False holds their rate, as the recorded end of the 2012 run shows."""
    schedule: Literal["constant", "plateau", "steps", "cosine", "one-cycle", "source"] = "plateau"
    """How the rate moves. source: the recorded one of the 2012 net, its epochs scaled to `train.epochs`."""
    warmup: float = 0.0
    """Epochs of linear warm-up; for one-cycle the rise to the highest rate."""
    steps: tuple[int, ...] = ()
    """Epochs (counted from 1) at whose start the rate is multiplied by `factor` (schedule steps)."""
    factor: float = 0.1
    """Multiplier at a plateau or step."""
    patience: int = 5
    """Epochs without a better validation error before a plateau drop."""
    drops: int = 3
    """Drops that a plateau schedule may make: three in section 5."""
    final: float = 0.0
    """Rate at the end of cosine and one-cycle, as a share of `rate`."""
    bound: bool = True
    """Bound the rate of the first step by the curvature at initialization (docs/does-it-train.md)."""
    ema: float = 0.0
    """Decay a step of the weights' exponential moving average, which is then what is measured and kept; 0 = off."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How long, how many at once, in which arithmetic."""

    epochs: int = 90
    """Passes over the training pictures."""
    batch: int = 128
    """Pictures a step, over all processes; the word auto: the largest power of two that fits, and the rate with it."""
    accumulate: int = 1
    """Parts a step's batch is computed in; the gradients are summed before the update."""
    seed: int = 0
    """Seed of every draw: initial weights, order, crops, flips, colour, dropout."""
    start: str = ""
    """First sixteen hexadecimal digits of the SHA-256 of the weights file that the network starts from; empty = from
    initial draws."""
    precision: Literal["float32", "bf16", "float64"] = "float32"
    """Arithmetic of forward and backward; bf16 is autocast over float32 weights."""
    compile: bool = False
    """Compile the network with torch.compile(dynamic=False)."""
    graph: bool = False
    """On a GPU, record what the compiled network starts there and play it back (CUDA graphs): for small batches."""
    grouped: Literal["plain", "split", "dense"] = "plain"
    """How convolutions in columns are computed: by torch's own, one a column, or as one with zeros between columns."""
    space_to_depth: bool = False
    """Compute a first layer with a stride on squares of pixels as maps; equal up to rounding, as is `grouped`."""
    label_smoothing: float = 0.0
    """Share of each target spread evenly over all classes."""
    class_weights: Literal["none", "balanced"] = "none"
    """Weigh each picture's loss by the inverse of its class's number of pictures."""
    sampling: Literal["all", "balanced"] = "all"
    """all: every picture once an epoch; balanced: as many draws, every class equally often."""
    logit_adjustment: float = 0.0
    """Adds this times the logarithm of each class's share to the logits in training (Menon et al., 2021)."""
    patience: int = 0
    """Stop after so many epochs without a better validation error; 0 = never."""
    until: float = 0.0
    """Stop after the first epoch whose training error is so many percent or less; 0 = never."""
    limit: int = 0
    """Train on so many pictures only, equally many of every class; 0 = all."""
    steps: int = 0
    """Stop after so many steps; 0 = after the epochs."""
