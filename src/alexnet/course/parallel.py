"""What is the network on two GPUs? Section 3.2's two columns, which course notes often make a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from alexnet.model.columns import Columns
from alexnet.model.exchange import Devices
from alexnet.model.initialize import InitSet
from alexnet.tables import Table


class AlexNetParallel(Columns):
    """The paper's network with one column on each of two devices (section 3.2, figure 2; layers-145.cfg).

    Course notes have a class of this name that puts layers 1 and 2 on one GPU and 3 to 5 on the other, with 48 kernels
    in the first layer. That is a pipeline of one column: half of the network is missing, its GPUs wait for each other,
    and none of the paper's exchanges takes place. Nor does each GPU get 64 of the 128 pictures. In the paper both GPUs
    see every picture, each has half of the kernels of every layer (48 and 48, 128 and 128, ...), and they talk before
    the third convolution and the dense layers only. The notes' response normalization has torch's k = 1; the paper's is
    2. (docs/corrections.md has all of these.)

        model = AlexNetParallel(num_classes=10)
        criterion(model(images), labels).backward()   # labels on model.first

    num_classes  outputs of the last layer, which stands on the first device with the loss
    devices      one a column; None: the first two GPUs where there are two, else the CPU twice
    table        a table with as many columns as devices, by name or itself: "paper", "source", "small-paper", ...
    init, seed, size   as `alexnet.AlexNet` has them; equal seeds give its weights

    `model(images)` takes float N,3,H,W on any device and gives logits N,classes on the first. Logits and gradients are
    those of `AlexNet(num_classes, table)` up to the order of sums; `whole_state()` and `load_whole()` convert. Raises
    ValueError for a table of another number of columns, and for a device that is not there.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        devices: Sequence[str | torch.device] | None = None,
        *,
        table: str | Table = "paper",
        init: InitSet | Literal["empty"] = "table",
        seed: int = 0,
        size: int | None = None,
    ) -> None:
        if devices is None:
            devices = ("cuda:0", "cuda:1") if torch.cuda.device_count() > 1 else ("cpu", "cpu")
        for device in map(torch.device, devices):
            if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
                raise ValueError(
                    f"torch finds {torch.cuda.device_count()} GPUs and no {str(device)!r}; two columns can share a "
                    "device, so ('cpu', 'cpu') works everywhere"
                )
        super().__init__(num_classes, table, over=Devices(devices), init=init, seed=seed, size=size)

    @property
    def first(self) -> torch.device:
        """Where the logits are, and labels must be."""
        return self.over.device(0)
