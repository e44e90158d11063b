"""Control flow and sequences, as far as they are decided at import."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.handlers.layout import emit_slice, slice_attrs
from lgsim.frontends.onnx.node import decode_nodes
from lgsim.frontends.onnx.registry import handles
from lgsim.frontends.onnx.run import run_nodes
from lgsim.frontends.onnx.tensors import Constant
from lgsim.graph.ops import Concat, Squeeze, Unsqueeze

if TYPE_CHECKING:
    from collections.abc import Sequence

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


_HINT = "export the model with the loop unrolled (traced)"
MOST_ROUNDS = 4096
"""Rounds of a loop after which it is taken for one that does not end."""


@handles("Scan")
def scan(_ctx: ImportContext, _node: Node) -> None:
    """Scans are refused."""
    raise LgsimError("scans are not supported", hint=_HINT)


@handles("Loop")
def loop(ctx: ImportContext, node: Node) -> None:
    """A loop whose number of rounds is known, round by round."""
    body = node.attrs["body"]
    for tensor in body.initializer:
        ctx.add_constant(tensor.name, Constant.from_proto(tensor))
    most = MOST_ROUNDS
    if node.has(0):
        (most,) = ctx.require_ints(node.inputs[0], "the trip count")
    goes_on = not node.has(1) or _known(ctx, node.inputs[1])
    carried = [ctx.resolve(name) for name in node.inputs[2:]]
    scanned: list[list[str]] = [[] for _ in body.output[1 + len(carried) :]]
    done = 0
    while done < most and goes_on:
        if done == MOST_ROUNDS:
            raise LgsimError("its loop does not end", limit=f"{MOST_ROUNDS} rounds", hint=_HINT)
        condition, *results = _round(ctx, node, body, done, carried)
        goes_on = _known(ctx, condition)
        carried = results[: len(carried)]
        for parts, part in zip(scanned, results[len(carried) :], strict=True):
            parts.append(part)
        done += 1
    for name, result in zip(node.outputs, carried, strict=False):
        ctx.alias(name, result)
    for name, parts in zip(node.outputs[len(carried) :], scanned, strict=True):
        rows = [ctx.step(node, f"row/{part}", Unsqueeze((0,)), (part,)) for part in parts]
        ctx.emit(Concat(0), rows, (name,), name)


def _known(ctx: ImportContext, name: str) -> bool:
    """Value of a loop's condition, which has to be known."""
    if ctx.value(name) is None:
        raise LgsimError("how often its loop runs is decided at run time", hint=_HINT)
    return bool(ctx.require(name, "the condition").all())


def _round(
    ctx: ImportContext, node: Node, body: Any, index: int, carried: Sequence[str]
) -> list[str]:
    """Import a loop's body once; returns the tensors that its outputs stand for."""
    prefix = f"{node.name}/{index}/"
    number, condition, *states = (info.name for info in body.input)
    ctx.add_constant(f"{prefix}{number}", Constant.of(np.array(index, dtype=np.int64)))
    ctx.add_constant(f"{prefix}{condition}", Constant.of(np.array(True)))
    for name in (number, condition):
        ctx.alias(name, f"{prefix}{name}")
    for name, value in zip(states, carried, strict=True):
        ctx.alias(name, value)
    for inner in decode_nodes(body.node):
        outputs = tuple(name and prefix + name for name in inner.outputs)
        run_nodes(ctx, [replace(inner, name=prefix + inner.name, outputs=outputs)])
        for name, output in zip(inner.outputs, outputs, strict=True):
            ctx.alias(name, output)
    return [ctx.resolve(info.name) for info in body.output]


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
    ctx.sequences[node.outputs[0]] = tuple(map(ctx.resolve, node.inputs))


@handles("SequenceEmpty")
def sequence_empty(ctx: ImportContext, node: Node) -> None:
    """A sequence of nothing."""
    ctx.sequences[node.outputs[0]] = ()


@handles("SequenceInsert")
def sequence_insert(ctx: ImportContext, node: Node) -> None:
    """A sequence with one more tensor, at the end by default."""
    parts = list(_sequence(ctx, node.inputs[0]))
    position = ctx.require_ints(node.inputs[2], "the position")[0] if node.has(2) else len(parts)
    if not -len(parts) <= position <= len(parts):
        raise LgsimError(f"position {position} is outside of a sequence of {len(parts)}")
    parts.insert(position, ctx.resolve(node.inputs[1]))
    ctx.sequences[node.outputs[0]] = tuple(parts)


@handles("SequenceLength")
def sequence_length(ctx: ImportContext, node: Node) -> None:
    """The number of tensors of a sequence."""
    count = np.array(len(_sequence(ctx, node.inputs[0])), dtype=np.int64)
    ctx.add_constant(node.outputs[0], Constant.of(count))


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
    found = ctx.sequences.get(ctx.resolve(name))
    if found is None:
        raise LgsimError(f"sequence '{name}' is not known at import")
    return found
