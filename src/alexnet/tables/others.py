"""Which layers have the others that are called AlexNet? torchvision's, two for CIFAR-10, a small modern one."""

from __future__ import annotations

from alexnet.tables.rows import Layer, Table, conv, dense, dropout, pool, relu

_TORCH = {"init": "torch"}
#: torchvision.models.alexnet: the 2014 one-column network, no normalization, dropout before the dense layers.
TORCHVISION = Table(
    name="torchvision",
    summary="what torchvision calls AlexNet: the 2014 one-column network without normalization",
    layers=(
        conv("conv1", 64, 11, stride=4, pad=2, **_TORCH),
        relu("relu1"),
        pool("pool1", ceil=False),
        conv("conv2", 192, 5, pad=2, **_TORCH),
        relu("relu2"),
        pool("pool2", ceil=False),
        conv("conv3", 384, 3, pad=1, **_TORCH),
        relu("relu3"),
        conv("conv4", 256, 3, pad=1, **_TORCH),
        relu("relu4"),
        conv("conv5", 256, 3, pad=1, **_TORCH),
        relu("relu5"),
        pool("pool5", ceil=False),
        Layer(name="average", kind="adaptive", kernel=6),
        dropout("drop5", mode="inverted"),
        dense("fc6", 4096, **_TORCH),
        relu("relu6"),
        dropout("drop6", mode="inverted"),
        dense("fc7", 4096, **_TORCH),
        relu("relu7"),
        dense("fc8", 0, **_TORCH),
    ),
    sizes=(63, 512),
)

#: layers-80sec.cfg of cuda-convnet: 26% test error on CIFAR-10 in 80 seconds of 2011.
CIFAR_26 = Table(
    name="cifar-26",
    summary="the 2011 network for CIFAR-10 that reaches 26% error in 80 seconds",
    size=32,
    layers=(
        conv("conv1", 32, 5, pad=2, init_sd=1e-4),
        pool("pool1"),
        relu("relu1"),  # after the pooling: the same values for a quarter of the work
        conv("conv2", 32, 5, pad=2),
        relu("relu2"),
        pool("pool2", "avgpool"),
        conv("conv3", 64, 5, pad=2),
        relu("relu3"),
        pool("pool3", "avgpool"),
        dense("fc64", 64, init_sd=0.1, decay_scale=7.5),
        relu("relu64"),
        dense("fc10", 0, init_sd=0.1, decay_scale=7.5),
    ),
)

_WITHIN = {"kind": "within", "size": 3, "alpha": 5e-5, "k": 1.0, "divide": True}
#: layers-18pct.cfg: 18% test error on CIFAR-10 in 20 minutes of 2011, without augmentation.
CIFAR_18 = Table(
    name="cifar-18",
    summary="the 2011 network for CIFAR-10 that reaches 18% error in 20 minutes, with within-map normalization",
    size=32,
    layers=(
        conv("conv1", 32, 5, pad=2, init_sd=1e-4),
        pool("pool1"),
        relu("relu1"),
        Layer(name="norm1", **_WITHIN),  # type: ignore[arg-type]
        conv("conv2", 32, 5, pad=2),
        relu("relu2"),
        pool("pool2", "avgpool"),
        Layer(name="norm2", **_WITHIN),  # type: ignore[arg-type]
        conv("conv3", 64, 5, pad=2),
        relu("relu3"),
        pool("pool3", "avgpool"),
        dense("fc10", 0, decay_scale=250.0),
    ),
)

_NORMED = {"bias": False, "init": "he"}
#: A small modern relative for small pictures. Pooling stands before normalization and ReLU, as in the released program:
#: it gives the same maps for a quarter of the work.
QUICK = Table(
    name="quick",
    summary="a small modern AlexNet for pictures of 32 to 128 pixels: batch normalization, one dense hidden layer",
    size=32,
    sizes=(24, 160),
    layers=(
        conv("conv1", 48, 5, pad=2, **_NORMED),
        pool("pool1"),
        Layer(name="norm1", kind="batchnorm"),
        relu("relu1"),
        conv("conv2", 128, 3, pad=1, **_NORMED),
        pool("pool2"),
        Layer(name="norm2", kind="batchnorm"),
        relu("relu2"),
        conv("conv3", 192, 3, pad=1, **_NORMED),
        Layer(name="norm3", kind="batchnorm"),
        relu("relu3"),
        conv("conv4", 192, 3, pad=1, **_NORMED),
        Layer(name="norm4", kind="batchnorm"),
        relu("relu4"),
        conv("conv5", 128, 3, pad=1, **_NORMED),
        pool("pool5"),
        Layer(name="norm5", kind="batchnorm"),
        relu("relu5"),
        Layer(name="average", kind="adaptive", kernel=4),
        dense("fc6", 512, **_NORMED),
        Layer(name="norm6", kind="batchnorm"),
        relu("relu6"),
        dropout("drop6", mode="inverted", rate=0.25),
        dense("fc8", 0, init="he"),
    ),
)
