"""Control flow and sequences, as far as they are decided at import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.handlers.layout import emit_slice, slice_attrs
from lgsim.frontends.onnx.node import decode_nodes
from lgsim.frontends.onnx.registry import handles
from lgsim.frontends.onnx.run import run_nodes
from lgsim.frontends.onnx.tensors import Constant
from lgsim.graph.ops import Concat, Squeeze, Unsqueeze

if TYPE_CHECKING:
    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node


@handles("If")
def if_(ctx: ImportContext, node: Node) -> None:
    """The branch taken, if the condition is known."""
    condition = ctx.value(node.inputs[0])
    if condition is None:
        raise LgsimError(
            "which branch is taken is decided at run time",
            hint="export the model for one fixed case",
        )
    branch = node.attrs["then_branch" if condition.all() else "else_branch"]
    for tensor in branch.initializer:
        ctx.add_constant(tensor.name, Constant.from_proto(tensor))
    run_nodes(ctx, decode_nodes(branch.node))
    for name, result in zip(node.outputs, branch.output, strict=True):
        ctx.alias(name, result.name)


@handles("Loop", "Scan")
def loop(_ctx: ImportContext, _node: Node) -> None:
    """Loops are refused."""
    raise LgsimError(
        "loops are not supported", hint="export the model with the loop unrolled (traced)"
    )


@handles("SplitToSequence")
def split_to_sequence(ctx: ImportContext, node: Node) -> None:
    """Parts along an axis, as a sequence."""
    x, axis = ctx.shape(node.inputs[0]), ctx.axis(node, 0)
    sizes = ctx.require_ints(node.inputs[1], "the split") if node.has(1) else (1,)
    single = len(sizes) == 1 and (not node.has(1) or ctx.rank(node.inputs[1]) == 0)
    step = sizes[0]
    if single:
        sizes = tuple(min(step, x[axis] - start) for start in range(0, x[axis], step))
    parts: list[str] = []
    start = 0
    for i, size in enumerate(sizes):
        part = f"{node.name}/{i}"
        attrs = slice_attrs(x, {axis: (start, start + size, 1)})
        emit_slice(ctx, node.inputs[0], attrs, part, part)
        if not node.has(1) and not node.get("keepdims", 1):
            part = ctx.step(node, f"{i}/squeeze", Squeeze((axis,)), (part,))
        parts.append(part)
        start += size
    ctx.sequences[node.outputs[0]] = tuple(parts)


@handles("SequenceConstruct")
def sequence_construct(ctx: ImportContext, node: Node) -> None:
    """Tensors as a sequence."""
    ctx.sequences[node.outputs[0]] = node.inputs


@handles("SequenceAt")
def sequence_at(ctx: ImportContext, node: Node) -> None:
    """One tensor of a sequence."""
    parts = _sequence(ctx, node.inputs[0])
    index = ctx.require_ints(node.inputs[1], "the position")[0]
    if not -len(parts) <= index < len(parts):
        raise LgsimError(f"position {index} is outside of a sequence of {len(parts)}")
    ctx.alias(node.outputs[0], parts[index])


@handles("ConcatFromSequence")
def concat_from_sequence(ctx: ImportContext, node: Node) -> None:
    """All tensors of a sequence in one, along an axis or a new one."""
    parts = list(_sequence(ctx, node.inputs[0]))
    new = bool(node.get("new_axis", 0))
    axis = ctx.axis(node, 0, ctx.rank(parts[0]) + new)
    if new:
        parts = [
            ctx.step(node, f"unsqueeze_{i}", Unsqueeze((axis,)), (part,))
            for i, part in enumerate(parts)
        ]
    ctx.final(node, Concat(axis), parts)


def _sequence(ctx: ImportContext, name: str) -> tuple[str, ...]:
    if name not in ctx.sequences:
        raise LgsimError(f"sequence '{name}' is not known at import")
    return ctx.sequences[name]
