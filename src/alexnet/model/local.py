"""What does a convolution compute that does not share its weights? The 2012 program's `local` layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LocalConv2d(nn.Module):
    """A convolution with weights and biases of its own at every place of its output (locally connected).

    side      height and width of the maps it reads, N,C,side,side: the number of places follows from it
    columns   groups of maps that do not see each other, as a convolution's `groups`
    weight    (places * columns, C / columns * kernel^2, out / columns): for every place, row by row, and column a
              matrix of inputs in the order map, row, column of the window by outputs
    bias      out * places numbers in the order map, row, column

    Windows are laid out side by side and multiplied place by place in one batched product. Raises ValueError where
    `columns` does not divide the maps, and in forward for maps of another size.
    """

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: int,
        side: int,
        *,
        stride: int = 1,
        padding: int = 0,
        padding_end: int = 0,
        dilation: int = 1,
        columns: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if channels % columns or out % columns:
            raise ValueError(f"{columns} columns do not divide {channels} maps read and {out} computed")
        self.channels, self.out, self.kernel, self.side = channels, out, kernel, side
        self.stride, self.padding, self.padding_end = stride, padding, padding_end
        self.dilation, self.columns = dilation, columns
        room = side + 2 * padding + padding_end - dilation * (kernel - 1) - 1
        self.places = room // stride + 1  # along one side
        count = max(self.places, 0) ** 2
        self.weight = nn.Parameter(torch.empty(count * columns, channels // columns * kernel * kernel, out // columns))
        self.bias = nn.Parameter(torch.empty(out * count)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """N,C,side,side to N,out,places,places."""
        if x.shape[1:] != (self.channels, self.side, self.side):
            raise ValueError(
                f"this locally connected layer reads maps of the shape {(self.channels, self.side, self.side)}, "
                f"not {tuple(x.shape[1:])}: it has weights for those places alone"
            )
        if self.padding_end:
            x = F.pad(x, (0, self.padding_end, 0, self.padding_end))
        windows = F.unfold(x, self.kernel, self.dilation, self.padding, self.stride)  # N,C*kernel^2,places^2
        count, g = self.places**2, self.columns
        by_place = windows.view(len(x), g, -1, count).permute(3, 1, 0, 2).reshape(count * g, len(x), -1)
        found = torch.bmm(by_place, self.weight)  # places^2*columns,N,out/columns
        found = found.view(count, g, len(x), -1).permute(2, 1, 3, 0).reshape(len(x), self.out, self.places, self.places)
        return found if self.bias is None else found + self.bias.view(self.out, self.places, self.places)

    def extra_repr(self) -> str:
        words = f"{self.channels}, {self.out}, kernel={self.kernel}, places={self.places}x{self.places}"
        return f"{words}, stride={self.stride}, padding={self.padding}, columns={self.columns}"
