"""Convolutions, transposed ones included."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.handlers.windows import read_window, split_pads
from lgsim.frontends.onnx.registry import handles
from lgsim.graph.ops import Conv, Deconv

if TYPE_CHECKING:
    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.handlers.windows import Window
    from lgsim.frontends.onnx.node import Node
    from lgsim.graph.core import Shape


def _operands(node: Node) -> tuple[str, ...]:
    return node.inputs[:3] if node.has(2) else node.inputs[:2]


def _kernel(ctx: ImportContext, node: Node) -> Shape:
    """Spatial size of the filter, which the attribute may only repeat."""
    kernel = ctx.shape(node.inputs[1])[2:]
    if node.get("kernel_shape", kernel) != kernel:
        raise LgsimError(
            f"its filter {kernel} contradicts kernel_shape {node.attrs['kernel_shape']}"
        )
    return kernel


@handles("Conv")
def conv(ctx: ImportContext, node: Node) -> None:
    """Conv, 1-D to 3-D, grouped, dilated."""
    x, kernel = ctx.shape(node.inputs[0]), _kernel(ctx, node)
    window = read_window(node, kernel, x[2:])
    attrs = Conv(kernel, window.strides, window.pads, window.dilations, groups=node.get("group", 1))
    ctx.final(node, attrs, _operands(node))


@handles("ConvTranspose")
def conv_transpose(ctx: ImportContext, node: Node) -> None:
    """ConvTranspose; ``output_shape`` and automatic padding become pads."""
    x, kernel = ctx.shape(node.inputs[0]), _kernel(ctx, node)
    # automatic padding means something else here than in a Conv, so the window is read bare
    window = read_window(_without_auto_pad(node), kernel, x[2:])
    output_padding = node.get("output_padding", (0,) * len(kernel))
    pads, output_padding = _deconv_pads(node, window, x[2:], output_padding)
    attrs = Deconv(
        kernel,
        window.strides,
        pads,
        window.dilations,
        output_padding,
        groups=node.get("group", 1),
    )
    ctx.final(node, attrs, _operands(node))


def _without_auto_pad(node: Node) -> Node:
    return replace(node, attrs={k: v for k, v in node.attrs.items() if k != "auto_pad"})


def _deconv_pads(
    node: Node, window: Window, spatial: Shape, output_padding: Shape
) -> tuple[Shape, Shape]:
    """Pads and output padding that give the wanted output size."""
    mode = node.get("auto_pad", "NOTSET")
    wanted = node.get("output_shape", None)
    if wanted is None and mode not in ("SAME_UPPER", "SAME_LOWER"):
        return (window.pads if mode != "VALID" else (0,) * len(window.pads)), output_padding
    if wanted is None:
        wanted = tuple(n * stride for n, stride in zip(spatial, window.strides, strict=True))
    totals = [
        (n - 1) * stride + extra + span - size
        for n, stride, extra, span, size in zip(
            spatial, window.strides, output_padding, window.spans, wanted[-len(spatial) :],
            strict=True,
        )
    ]  # fmt: skip
    # an output larger than all windows reach is filled up at its end
    missing = tuple(
        extra + max(-total, 0) for extra, total in zip(output_padding, totals, strict=True)
    )
    # ONNX puts the odd element of a given output_shape in front unless SAME_UPPER is said
    side = "SAME_UPPER" if mode == "SAME_UPPER" else "SAME_LOWER"
    return split_pads([max(total, 0) for total in totals], side), missing
