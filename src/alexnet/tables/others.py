"""Which layers have the others that are called AlexNet? torchvision's, TF-Slim's, a small modern one."""

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

#: alexnet_v2 of TF-Slim (nets/alexnet.py): as torchvision's, but for 384 maps in the fourth convolution, a first one
#: without zeros, 5 x 5 maps before the dense layers, biases of .1, and dropout where the paper has it.
_SLIM = {"init": "xavier", "init_bias": 0.1}
_SLIM_DENSE = {"init": "truncated", "init_sd": 0.005}
SLIM = Table(
    name="slim",
    summary="what TF-Slim calls AlexNet (alexnet_v2): one column, no normalization, 5 x 5 maps before the dense layers",
    layers=(
        conv("conv1", 64, 11, stride=4, **_SLIM),
        relu("relu1"),
        pool("pool1", ceil=False),
        conv("conv2", 192, 5, pad=2, **_SLIM),
        relu("relu2"),
        pool("pool2", ceil=False),
        conv("conv3", 384, 3, pad=1, **_SLIM),
        relu("relu3"),
        conv("conv4", 384, 3, pad=1, **_SLIM),
        relu("relu4"),
        conv("conv5", 256, 3, pad=1, **_SLIM),
        relu("relu5"),
        pool("pool5", ceil=False),
        dense("fc6", 4096, init_bias=0.1, **_SLIM_DENSE),
        relu("relu6"),
        dropout("drop6", mode="inverted"),
        dense("fc7", 4096, init_bias=0.1, **_SLIM_DENSE),
        relu("relu7"),
        dropout("drop7", mode="inverted"),
        dense("fc8", 0, **_SLIM_DENSE),
    ),
)

_NORMED = {"bias": False, "init": "he"}
#: A small modern relative for small pictures. Pooling stands before normalization and ReLU, as in the released program:
#: it gives the same maps for a quarter of the work.
QUICK = Table(
    name="quick",
    summary="a small modern AlexNet for pictures of 32 to 128 pixels: batch normalization, one dense hidden layer",
    size=32,
    sizes=(24, 224),
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
