"""Arithmetic, comparisons and logic; a constant number as operand makes the scalar form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgsim.frontends.onnx.registry import handles
from lgsim.graph.ops import (
    Active,
    Add,
    AddConst,
    Compare,
    CompareConst,
    Div,
    DivConst,
    Max,
    MaxConst,
    Min,
    MinConst,
    Mod,
    Mul,
    MulConst,
    Pow,
    PowConst,
    Sub,
    SubConst,
    Where,
)
from lgsim.graph.ops.rules import broadcast

if TYPE_CHECKING:
    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node
    from lgsim.graph.ops.base import OpKind

_COMPARE = {
    "And": "and",
    "Equal": "equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "Or": "or",
    "Xor": "xor",
}


def number(ctx: ImportContext, name: str, other: str) -> float | None:
    """Value of `name` if it is one number for all of `other`, without changing its shape.

    A tensor that was filled with one number (its memory is a single element) counts too.
    """
    constant = ctx.constant(name)
    if constant is None or ctx.constant(other) is not None:
        return None
    shape = constant.type.shape
    one = constant.type.elements == 1
    if len(shape) > ctx.rank(other) or not (one or constant.is_fill):
        return None
    if not one and broadcast([shape, ctx.shape(other)]) != ctx.shape(other):
        return None
    value = constant.value
    return None if value is None or not value.size else float(value.reshape(-1)[0])


def _apply(ctx: ImportContext, node: Node, attrs: OpKind | None, source: str) -> None:
    """Write the node's output with an op on one operand; None means the operand itself."""
    if attrs is None:
        ctx.alias(node.outputs[0], source)
    else:
        ctx.final(node, attrs, (source,))


@handles("Add")
def add(ctx: ImportContext, node: Node) -> None:
    """Import x + y."""
    for x, y in (node.inputs[:2], node.inputs[1::-1]):
        if (value := number(ctx, y, x)) is not None:
            _apply(ctx, node, AddConst(value) if value else None, x)
            return
    ctx.final(node, Add(), node.inputs[:2])


@handles("Mul")
def mul(ctx: ImportContext, node: Node) -> None:
    """Import x · y."""
    for x, y in (node.inputs[:2], node.inputs[1::-1]):
        if (value := number(ctx, y, x)) is not None:
            _apply(ctx, node, MulConst(value) if value != 1.0 else None, x)
            return
    ctx.final(node, Mul(), node.inputs[:2])


@handles("Sub")
def sub(ctx: ImportContext, node: Node) -> None:
    """Import x − y."""
    x, y = node.inputs[:2]
    if (value := number(ctx, y, x)) is not None:
        _apply(ctx, node, AddConst(-value) if value else None, x)
    elif (value := number(ctx, x, y)) is not None:
        ctx.final(node, SubConst(value, reverse=True), (y,))
    else:
        ctx.final(node, Sub(), (x, y))


@handles("Div")
def div(ctx: ImportContext, node: Node) -> None:
    """Import x / y; integers stay divisions, since they round."""
    x, y = node.inputs[:2]
    if not ctx.type_of(x).dtype.is_float:
        ctx.final(node, Div(), (x, y))
    elif value := number(ctx, y, x):
        _apply(ctx, node, MulConst(1.0 / value) if value != 1.0 else None, x)
    elif (value := number(ctx, x, y)) is not None:
        ctx.final(node, DivConst(value), (y,))
    else:
        ctx.final(node, Div(), (x, y))


# Powers that are cheaper than a power; 1 is the operand itself.
_POWERS: dict[float, OpKind | None] = {
    -1.0: DivConst(1.0),
    -0.5: Active("rsqrt"),
    0.5: Active("sqrt"),
    1.0: None,
}


@handles("Pow")
def pow_(ctx: ImportContext, node: Node) -> None:
    """Import x to the power y; a square is a product."""
    x, y = node.inputs[:2]
    value = number(ctx, y, x)
    if value is None:
        ctx.final(node, Pow(), (x, y))
    elif value == 2.0:
        ctx.final(node, Mul(), (x, x))
    elif value in _POWERS:
        _apply(ctx, node, _POWERS[value], x)
    else:
        ctx.final(node, PowConst(value), (x,))


@handles("Mod")
def mod(ctx: ImportContext, node: Node) -> None:
    """Remainder."""
    ctx.final(node, Mod(), node.inputs[:2])


_CHAINS: dict[str, tuple[OpKind, type[AddConst] | type[MaxConst] | type[MinConst]]] = {
    "Max": (Max(), MaxConst),
    "Mean": (Add(), AddConst),
    "Min": (Min(), MinConst),
    "Sum": (Add(), AddConst),
}


@handles("Max", "Min", "Sum", "Mean")
def chain(ctx: ImportContext, node: Node) -> None:
    """Any number of operands: a chain of two-operand ops."""
    binary, scalar = _CHAINS[node.key]
    links: list[tuple[OpKind, tuple[str, ...]]] = []
    total, *others = sorted(node.inputs, key=lambda name: ctx.constant(name) is not None)
    for other in others:
        value = number(ctx, other, total)
        links.append((binary, (other,)) if value is None else (scalar(value), ()))
    if node.key == "Mean" and others:
        links.append((MulConst(1.0 / len(node.inputs)), ()))
    if not links:
        ctx.alias(node.outputs[0], total)
        return
    for i, (attrs, operands) in enumerate(links[:-1]):
        total = ctx.step(node, str(i), attrs, (total, *operands))
    attrs, operands = links[-1]
    ctx.final(node, attrs, (total, *operands))


@handles(*_COMPARE)
def compare(ctx: ImportContext, node: Node) -> None:
    """Comparison or logic of two operands."""
    x, y = node.inputs[:2]
    mode = _COMPARE[node.key]
    if (value := number(ctx, y, x)) is not None:
        ctx.final(node, CompareConst(mode, value), (x,))
    elif (value := number(ctx, x, y)) is not None:
        ctx.final(node, CompareConst(mode, value, reverse=True), (y,))
    else:
        ctx.final(node, Compare(mode), (x, y))


@handles("Where")
def where(ctx: ImportContext, node: Node) -> None:
    """Pick x where the condition holds, else y; a condition known as a whole picks one of them."""
    condition, x, y = node.inputs[:3]
    value = ctx.value(condition)
    shape = broadcast([ctx.shape(name) for name in (condition, x, y)])
    if value is not None and value.size and (value.all() or not value.any()):
        picked = x if value.all() else y
        if ctx.shape(picked) == shape:
            ctx.alias(node.outputs[0], picked)
            return
    ctx.final(node, Where(), (condition, x, y))
