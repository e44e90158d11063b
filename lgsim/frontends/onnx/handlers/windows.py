"""Window attributes of convolutions and pools, with automatic padding made explicit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lgsim.errors import LgsimError

if TYPE_CHECKING:
    from lgsim.frontends.onnx.node import Node
    from lgsim.graph.core import Shape


@dataclass(frozen=True, slots=True)
class Window:
    """Kernel, strides and dilations per spatial dimension, and pads before, then after, each."""

    kernel: Shape
    strides: Shape
    pads: Shape
    dilations: Shape

    @property
    def spans(self) -> Shape:
        """Extent of the dilated kernel per spatial dimension."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True))


def read_window(node: Node, kernel: Shape, spatial: Shape) -> Window:
    """The window of a node over an input of size `spatial`.

    Raises
    ------
    LgsimError
        If the attributes do not have one number per spatial dimension.
    """
    rank = len(spatial)
    ones = (1,) * rank
    window = Window(
        kernel=kernel,
        strides=node.get("strides", ones),
        pads=node.get("pads", (0,) * (2 * rank)),
        dilations=node.get("dilations", ones),
    )
    lengths = (len(kernel), len(window.strides), len(window.dilations), len(window.pads) // 2)
    if lengths != (rank,) * 4:
        raise LgsimError(
            "its kernel_shape, strides, dilations or pads do not fit its input",
            limit=f"{rank} spatial dimension(s)",
        )
    return Window(kernel, window.strides, _pads(node, window, spatial), window.dilations)


def _pads(node: Node, window: Window, spatial: Shape) -> Shape:
    mode = node.get("auto_pad", "NOTSET")
    if mode in ("NOTSET", ""):
        return window.pads
    if mode == "VALID":
        return (0,) * len(window.pads)
    # SAME: as many windows as strides fit into the input, rounded up
    totals = [
        max((-(-size // stride) - 1) * stride + span - size, 0)
        for size, stride, span in zip(spatial, window.strides, window.spans, strict=True)
    ]
    return split_pads(totals, mode)


def split_pads(totals: list[int], mode: str) -> Shape:
    """Padding before, then after, each dimension; SAME_UPPER puts the odd one after."""
    small = tuple(total // 2 for total in totals)
    large = tuple(total - total // 2 for total in totals)
    return large + small if mode == "SAME_LOWER" else small + large
