"""Which layers have the small networks of their time? Four of 2011 for CIFAR-10, and LeNet-5, which came before."""

from __future__ import annotations

from alexnet.tables.rows import Layer, Table, conv, dense, local, pool, relu, response, tanh

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

#: layers-conv-local-13pct.cfg: 13% test error on CIFAR-10, without normalization. Its last two layers with windows do
#: not share weights between places; its convolutions do not decay. The four-layer network of section 3.3.
CIFAR_13 = Table(
    name="cifar-13",
    summary="the 2011 network for CIFAR-10 that reaches 13% error: two convolutions, two locally connected layers",
    size=24,
    layers=(
        conv("conv1", 64, 5, pad=2, init_sd=1e-4, decay_scale=0.0),
        relu("relu1"),
        pool("pool1"),
        conv("conv2", 64, 5, pad=2, decay_scale=0.0),
        relu("relu2"),
        pool("pool2"),
        local("local3", 32, 3, pad=1, init_sd=0.04),
        relu("relu3"),
        local("local4", 32, 3, pad=1, init_sd=0.04),
        relu("relu4"),
        dense("fc10", 0),
    ),
)

_ACROSS = {"alpha": 0.001, "k": 1.0, "divide": True}
#: layers-conv-local-11pct.cfg of cuda-convnet: the same with response normalization, 11% test error.
CIFAR_11 = Table(
    name="cifar-11",
    summary="the same with response normalization after its convolutions, which reaches 11% (section 3.3)",
    size=24,
    layers=tuple(
        row
        for old in CIFAR_13.layers
        for row in ((response(f"norm{old.name[-1]}", **_ACROSS), old) if old.kind == "maxpool" else (old,))
    ),
)

#: LeNet-5 (LeCun et al., 1998) as it is usually rebuilt: every map of the second convolution sees all six, pools are
#: plain averages, the output is linear; and three colours here. With the one of the original it has 61,706 parameters.
LENET = Table(
    name="lenet",
    summary="the LeNet-5 of 1998 as it is usually rebuilt: tanh, average pooling, two convolutions; three colours here",
    size=32,
    layers=(
        conv("conv1", 6, 5, init="torch"),
        tanh("tanh1"),
        pool("pool1", "avgpool", kernel=2),
        conv("conv2", 16, 5, init="torch"),
        tanh("tanh2"),
        pool("pool2", "avgpool", kernel=2),
        dense("fc5", 120, init="torch"),
        tanh("tanh5"),
        dense("fc6", 84, init="torch"),
        tanh("tanh6"),
        dense("fc7", 0, init="torch"),
    ),
)
