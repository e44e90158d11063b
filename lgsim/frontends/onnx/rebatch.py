"""Changing a batch that was baked into a model's constants when it was exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.tensors import Constant
from lgsim.graph.core import Shape, TensorType

if TYPE_CHECKING:
    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node

REBATCH_HINT = "the model may have its batch baked in: export it with a dynamic batch dimension"


def rebatched_target(ctx: ImportContext, node: Node, target: Shape) -> Shape:
    """The target shape of a Reshape, with a baked-in batch replaced by the new one.

    The model was imported at its own batch first (``ctx.baseline``). A target that is the same
    there, although its input is not, was baked in. The number that takes the change is the one
    where the batch stands in the input, if the dimensions in front of it are copied; a number
    that is left open needs no help.

    Raises
    ------
    LgsimError
        If that number is no multiple of the batch.
    """
    base = ctx.baseline
    if base is None:
        return target
    old, new = base.shape(node.inputs[0]), ctx.shape(node.inputs[0])
    axis = next(
        (i for i, sizes in enumerate(zip(old, new, strict=True)) if len({*sizes}) > 1), None
    )
    if axis is None or axis >= len(target) or target[axis] < 1 or target[:axis] != new[:axis]:
        return target
    if node.has(1) and base.require_ints(node.inputs[1], "shape") != target:
        return target
    if target[axis] * new[axis] % old[axis]:
        raise LgsimError(
            f"its target shape {'x'.join(map(str, target))} does not scale with the batch",
            hint=REBATCH_HINT,
        )
    scaled = target[axis] * new[axis] // old[axis]
    return (*target[:axis], scaled, *target[axis + 1 :])


def widen(ctx: ImportContext, name: str, axis: int, size: int) -> str:
    """A constant with its dimension `axis` grown to `size`, when the baked batch requires it.

    Returns `name` itself where nothing is to be done; what cannot be repaired here is refused
    by the shape rule of the op that reads it.
    """
    constant = ctx.constant(name)
    if ctx.baseline is None or constant is None:
        return name
    shape = constant.type.shape
    if len(shape) <= axis or shape[axis] == size or size % shape[axis]:
        return name
    type_ = TensorType((*shape[:axis], size, *shape[axis + 1 :]), constant.type.dtype)
    return ctx.add_constant(f"{name}/batch_{size}", Constant(type_))
