"""Einsum: products of operands become Permute, Reshape and MatMul."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.handlers.layout import slice_attrs
from lgsim.frontends.onnx.registry import handles
from lgsim.graph.ops import MatMul, Mul, Permute, Reduce, Reshape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node
    from lgsim.graph.core import Shape


@dataclass(frozen=True, slots=True)
class _Operand:
    """A tensor and one letter per dimension."""

    name: str
    letters: str


@handles("Einsum")
def einsum(ctx: ImportContext, node: Node) -> None:
    """Einsum: sums, diagonals and a permutation of one operand, matrix products of several.

    More than two operands are multiplied one after the other, from the left.
    """
    terms, target = _parse(node.attrs["equation"], [ctx.rank(name) for name in node.inputs])
    if len(set(target)) != len(target):
        raise LgsimError(f"equation '{node.attrs['equation']}' has no such result")
    operands = [
        _diagonal(ctx, node, _Operand(*pair), i)
        for i, pair in enumerate(zip(node.inputs, terms, strict=True))
    ]
    sizes = {
        letter: size
        for operand in operands
        for letter, size in zip(operand.letters, ctx.shape(operand.name), strict=True)
    }
    everything = [set(operand.letters) for operand in operands]
    for i, operand in enumerate(operands):
        needed = set(target).union(*(everything[:i] + everything[i + 1 :]))
        operands[i] = _summed(ctx, node, operand, needed, f"sum_{i}")
    result, *others = operands
    for i, operand in enumerate(others):
        last = i == len(others) - 1
        later = [x.letters for x in others[i + 1 :]]
        wanted = "".join(dict.fromkeys("".join((target, *later))))
        step = node if last else replace(node, name=f"{node.name}/{i}")
        result = _product(ctx, step, result, operand, wanted, sizes)
    _finish(ctx, node, result, target, sizes)


def _diagonal(ctx: ImportContext, node: Node, operand: _Operand, number: int) -> _Operand:
    """The operand with each letter once: of two dimensions of a letter, the diagonal."""
    letters = operand.letters
    twice = next((x for x in letters if letters.count(x) > 1), None)
    if twice is None:
        return operand
    rest = "".join(x for x in letters if x != twice)
    rows = [i for i, x in enumerate(letters) if x == twice]
    shape = ctx.shape(operand.name)
    size = shape[rows[0]]
    if len(rows) > 2 or shape[rows[1]] != size:
        raise LgsimError(f"term '{letters}' does not fit its operand")
    order = (*(i for i, x in enumerate(letters) if x != twice), *rows)
    name = f"diagonal_{number}_{twice}"
    if order != tuple(range(len(order))):
        moved = ctx.step(node, f"{name}/order", Permute(order), (operand.name,))
        operand = _Operand(moved, letters)
    flat = (*(shape[i] for i in order[:-2]), size * size)
    source = ctx.step(node, f"{name}/flat", Reshape(flat), (operand.name,))
    every = slice_attrs(flat, {len(flat) - 1: (0, None, size + 1)})
    found = _Operand(ctx.step(node, name, every, (source,)), rest + twice)
    return _diagonal(ctx, node, found, number)


def _parse(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """Letters of each operand and of the result; ellipses are replaced by unused letters."""
    left, arrow, target = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise LgsimError(f"equation '{equation}' is for {len(terms)} operands, not {len(ranks)}")
    if not arrow:
        letters = sorted(set(left) - set(",."))
        target = "..." * ("..." in left) + "".join(x for x in letters if left.count(x) == 1)
    spare = [chr(code) for code in range(ord("A"), ord("Z") + 1) if chr(code) not in equation]
    widths = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True)]
    widest = max((w for w, term in zip(widths, terms, strict=True) if "..." in term), default=0)
    for term, width in zip(terms, widths, strict=True):
        if width < 0 or (width and "..." not in term):
            raise LgsimError(f"term '{term}' of equation '{equation}' does not fit its operand")
    # ellipses align at their ends, as broadcasting does
    block = "".join(spare[:widest])
    full = [
        term.replace("...", block[widest - width :])
        for term, width in zip(terms, widths, strict=True)
    ]
    return full, target.replace("...", block)


def _summed(
    ctx: ImportContext, node: Node, operand: _Operand, needed: set[str], suffix: str
) -> _Operand:
    """The operand with the dimensions nobody else needs summed away."""
    axes = tuple(i for i, letter in enumerate(operand.letters) if letter not in needed)
    if not axes:
        return operand
    name = ctx.step(node, suffix, Reduce("sum", axes, keepdims=False), (operand.name,))
    return _Operand(name, "".join(x for x in operand.letters if x in needed))


def _product(
    ctx: ImportContext,
    node: Node,
    left: _Operand,
    right: _Operand,
    target: str,
    sizes: dict[str, int],
) -> _Operand:
    """The product of two operands, its dimensions in the order batch, rows, columns."""
    shared = set(left.letters) & set(right.letters)
    batch = "".join(x for x in target if x in shared)
    inner = "".join(x for x in left.letters if x in shared and x not in target)
    rows = "".join(x for x in left.letters if x not in shared)
    columns = "".join(x for x in right.letters if x not in shared)
    if not inner:
        return _outer(ctx, node, left, right, batch + rows + columns, sizes)
    # an operand that already lies transposed is read that way instead of being permuted
    right_transpose = right.letters == batch + columns + inner
    tail = columns + inner if right_transpose else inner + columns
    a = _arranged(ctx, node, left, batch + rows + inner, "left")
    b = _arranged(ctx, node, right, batch + tail, "right")
    lead = tuple(sizes[x] for x in batch)
    m, k, n = (prod(sizes[x] for x in letters) for letters in (rows, inner, columns))
    a = _shaped(ctx, node, a, (*lead, m, k), "left_shape")
    b = _shaped(ctx, node, b, (*lead, n, k) if right_transpose else (*lead, k, n), "right_shape")
    product = ctx.step(node, "matmul", MatMul(right_transpose=right_transpose), (a, b))
    letters = batch + rows + columns
    shaped = _shaped(ctx, node, product, tuple(sizes[x] for x in letters), "shape")
    return _Operand(shaped, letters)


def _outer(
    ctx: ImportContext,
    node: Node,
    left: _Operand,
    right: _Operand,
    letters: str,
    sizes: dict[str, int],
) -> _Operand:
    """A product without a sum: both operands spread over all dimensions and multiplied."""
    spread = []
    for operand, suffix in ((left, "left"), (right, "right")):
        own = "".join(x for x in letters if x in operand.letters)
        name = _arranged(ctx, node, operand, own, suffix)
        shape = tuple(sizes[x] if x in own else 1 for x in letters)
        spread.append(_shaped(ctx, node, name, shape, f"{suffix}_shape"))
    return _Operand(ctx.step(node, "mul", Mul(), spread), letters)


def _arranged(ctx: ImportContext, node: Node, operand: _Operand, letters: str, suffix: str) -> str:
    if operand.letters == letters:
        return operand.name
    order = tuple(operand.letters.index(letter) for letter in letters)
    return ctx.step(node, suffix, Permute(order), (operand.name,))


def _shaped(ctx: ImportContext, node: Node, name: str, shape: Shape, suffix: str) -> str:
    return name if ctx.shape(name) == shape else ctx.step(node, suffix, Reshape(shape), (name,))


def _finish(
    ctx: ImportContext, node: Node, result: _Operand, target: str, sizes: dict[str, int]
) -> None:
    if set(result.letters) != set(target):
        raise LgsimError(f"equation '{node.attrs['equation']}' has no such result")
    name = _arranged(ctx, node, result, target, "permute")
    ctx.alias(node.outputs[0], _shaped(ctx, node, name, tuple(sizes[x] for x in target), "result"))
