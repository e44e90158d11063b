"""Matrix products: MatMul, Gemm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgsim.frontends.onnx.registry import handles
from lgsim.graph.ops import Add, MatMul, MulConst, Permute, Reshape

if TYPE_CHECKING:
    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node


@handles("MatMul")
def matmul(ctx: ImportContext, node: Node) -> None:
    """Product with broadcast batches; a following bias is fused later."""
    ctx.final(node, MatMul(), node.inputs[:2])


@handles("Gemm")
def gemm(ctx: ImportContext, node: Node) -> None:
    """alpha·A'·B' + beta·C.

    Transposes of weights are folded, those of activations become attributes; factors scale
    weights for nothing, and activations by an op of their own.
    """
    left, right = node.inputs[:2]
    left = _scaled(ctx, node, left, "alpha", keep=ctx.constant(right) is not None)
    right = _scaled(ctx, node, right, "alpha", keep=ctx.constant(right) is None)
    left, left_transpose = _transposed(ctx, node, left, "transA")
    right, right_transpose = _transposed(ctx, node, right, "transB")
    attrs = MatMul(left_transpose, right_transpose)
    if not node.has(2) or node.get("beta", 1.0) == 0.0:
        ctx.final(node, attrs, (left, right))
        return
    bias = _scaled(ctx, node, node.inputs[2], "beta", keep=False)
    columns = ctx.shape(right)[0 if right_transpose else 1]
    constant = ctx.constant(bias) is not None
    if constant and ctx.type_of(bias).elements == columns == ctx.shape(bias)[-1]:
        if ctx.rank(bias) > 1:
            bias = ctx.step(node, "bias", Reshape((columns,)), (bias,))
        ctx.final(node, attrs, (left, right, bias))
    else:
        product = ctx.step(node, "product", attrs, (left, right))
        ctx.final(node, Add(), (product, bias))


def _scaled(ctx: ImportContext, node: Node, name: str, factor: str, keep: bool) -> str:
    value = node.get(factor, 1.0)
    if keep or value == 1.0:
        return name
    return ctx.step(node, factor, MulConst(value), (name,))


def _transposed(ctx: ImportContext, node: Node, name: str, flag: str) -> tuple[str, bool]:
    """The operand and whether it still has to be read transposed."""
    if not node.get(flag, 0):
        return name, False
    if ctx.constant(name) is None:
        return name, True
    return ctx.step(node, flag, Permute((1, 0)), (name,)), False
