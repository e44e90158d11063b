"""Resize and Upsample."""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.context import normal_axis
from lgsim.frontends.onnx.registry import handles
from lgsim.graph.ops import Interp, Upsample

if TYPE_CHECKING:
    from collections.abc import Callable

    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node
    from lgsim.graph.core import Shape
    from lgsim.graph.ops.base import OpKind


@handles("Resize", "Upsample")
def resize(ctx: ImportContext, node: Node) -> None:
    """Resize by scales or to sizes; whole-numbered nearest neighbours make an Upsample.

    Raises
    ------
    LgsimError
        If batch or channels would be resized.
    """
    x = ctx.shape(node.inputs[0])
    target = _target(ctx, node, x)
    if target[:2] != x[:2] or not 3 <= len(x) <= 5:
        raise LgsimError(
            f"resizing {'x'.join(map(str, x))} to {'x'.join(map(str, target))} is not supported",
            limit="1 to 3 spatial dimensions, after batch and channels",
        )
    if target == x:
        ctx.alias(node.outputs[0], node.inputs[0])
    else:
        ctx.unary(node, _attrs(node, x, target))


def _attrs(node: Node, x: Shape, target: Shape) -> OpKind:
    mode = node.get("mode", "nearest")
    first = node.key == "Upsample" or len(node.inputs) <= 2
    coordinates = node.get(
        "coordinate_transformation_mode", "asymmetric" if first else "half_pixel"
    )
    # Upsample and the first Resize round down
    rounding = node.get("nearest_mode", "floor" if first else "round_prefer_floor")
    repeats = all(
        _repeats_pixels(new, old, coordinates, rounding)
        for new, old in zip(target[2:], x[2:], strict=True)
    )
    if mode == "nearest" and len(x) == 4 and repeats:
        return Upsample(target[2] // x[2], target[3] // x[3])
    return Interp(target[2:], "linear" if mode == "bilinear" else mode, coordinates)


def _repeats_pixels(new: int, old: int, coordinates: str, rounding: str) -> bool:
    """Whether the nearest neighbours are each input pixel, a whole number of times."""
    scale = new // old
    if new % old or coordinates not in _OFFSETS:
        return False
    offset = _OFFSETS[coordinates]
    places = [(i + offset) / scale - offset for i in range(scale)]
    # what holds for the copies of the first pixel holds for all, since they repeat its places
    return all(_ROUNDINGS[rounding](place) == 0 for place in places)


# Where a pixel has its coordinate; other modes depend on the size of the image as well.
_OFFSETS = {
    "asymmetric": 0.0,
    "half_pixel": 0.5,
    "half_pixel_symmetric": 0.5,
    "pytorch_half_pixel": 0.5,
}
_ROUNDINGS: dict[str, Callable[[float], int]] = {
    "ceil": ceil,
    "floor": floor,
    "round_prefer_ceil": lambda place: floor(place + 0.5),
    "round_prefer_floor": lambda place: ceil(place - 0.5),
}


def _target(ctx: ImportContext, node: Node, x: Shape) -> Shape:
    """Shape of the result."""
    axes = tuple(normal_axis(axis, len(x)) for axis in node.get("axes", range(len(x))))
    sizes = ctx.require_ints(node.inputs[3], "the sizes") if node.has(3) else ()
    target = list(x)
    if sizes:
        for axis, size in zip(axes, _kept_aspect(node, sizes, [x[a] for a in axes]), strict=True):
            target[axis] = size
        if ctx.baseline is not None and len(axes) == len(x):
            target[0] = x[0]  # sizes of all dimensions have the exported batch baked in
        return tuple(target)
    for axis, scale in zip(axes, _scales(ctx, node), strict=True):
        # scales are 32-bit floats: 26/13 must not become 25.999…
        target[axis] = floor(x[axis] * scale + 1e-4)
    return tuple(target)


def _scales(ctx: ImportContext, node: Node) -> list[float]:
    if "scales" in node.attrs:
        return [float(scale) for scale in node.attrs["scales"]]
    # Upsample and Resize of opset 10 have no region of interest in front
    index = 2 if len(node.inputs) > 2 else 1
    if not node.has(index):
        raise LgsimError("it has neither scales nor sizes")
    return [float(scale) for scale in ctx.require(node.inputs[index], "the scales").reshape(-1)]


def _kept_aspect(node: Node, sizes: Shape, old: list[int]) -> Shape:
    """Sizes after ``keep_aspect_ratio_policy``."""
    policy = node.get("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return sizes
    ratios = [new / size for new, size in zip(sizes, old, strict=True)]
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    return tuple(floor(size * scale + 0.5) for size in old)
