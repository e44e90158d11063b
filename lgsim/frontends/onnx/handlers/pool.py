"""Pools: rounding up, automatic padding and global windows become explicit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgsim.frontends.onnx.fallback import unknown
from lgsim.frontends.onnx.handlers.windows import Window, read_window
from lgsim.frontends.onnx.registry import handles
from lgsim.graph.ops import Pool

if TYPE_CHECKING:
    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node
    from lgsim.graph.core import Shape

_MODES = {
    "AveragePool": "avg",
    "GlobalAveragePool": "avg",
    "GlobalLpPool": "lp",
    "GlobalMaxPool": "max",
    "LpPool": "lp",
    "MaxPool": "max",
}


@handles("AveragePool", "MaxPool", "LpPool")
def pool(ctx: ImportContext, node: Node) -> None:
    """A pool over windows; positions of maxima have no counterpart in the catalogue."""
    if node.uses_output(1):
        unknown(ctx, node)
        return
    spatial = ctx.shape(node.inputs[0])[2:]
    window = read_window(node, node.get("kernel_shape", ()), spatial)
    pads = _ceil_pads(window, spatial) if node.get("ceil_mode", 0) else window.pads
    attrs = Pool(
        _MODES[node.key],
        window.kernel,
        window.strides,
        pads,
        count_include_pad=bool(node.get("count_include_pad", 0)) and any(window.pads),
        dilations=window.dilations if any(d != 1 for d in window.dilations) else (),
    )
    ctx.unary(node, attrs)


@handles("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(ctx: ImportContext, node: Node) -> None:
    """A pool whose window is the whole input."""
    kernel = ctx.shape(node.inputs[0])[2:]
    ones = (1,) * len(kernel)
    ctx.unary(node, Pool(_MODES[node.key], kernel, ones, (0,) * (2 * len(kernel))))


def _ceil_pads(window: Window, spatial: Shape) -> Shape:
    """Pads that make rounding down give the number of windows that rounding up gives.

    As in PyTorch, a window that would start in the padding after the input is dropped.
    """
    rank = len(spatial)
    after = []
    for i, (size, span, stride) in enumerate(
        zip(spatial, window.spans, window.strides, strict=True)
    ):
        before = window.pads[i]
        count = -(-(size + before + window.pads[rank + i] - span) // stride) + 1
        if (count - 1) * stride >= size + before:
            count -= 1
        after.append(max((count - 1) * stride + span - size - before, 0))
    return (*window.pads[:rank], *after)
