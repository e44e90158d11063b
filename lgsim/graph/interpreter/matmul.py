"""Evaluation of matrix products, general sums of products, and fused attention."""

from __future__ import annotations

import numpy as np

from lgsim.graph import ops
from lgsim.graph.interpreter.arrays import Array, Function, relu_if, softmax


def _matmul(attrs: ops.MatMul, left: Array, right: Array, bias: Array | None = None) -> Array:
    if attrs.hdim_is_batch:
        left, right = left.swapaxes(1, 2), right.swapaxes(1, 2)
    if attrs.left_transpose and left.ndim > 1:
        left = left.swapaxes(-1, -2)
    if attrs.right_transpose and right.ndim > 1:
        right = right.swapaxes(-1, -2)
    result: Array = np.matmul(left, right)
    if attrs.hdim_is_batch:
        result = result.swapaxes(1, 2)
    if bias is not None:
        result = result + bias
    return relu_if(attrs.relu, result)


def _einsum(attrs: ops.Einsum, *operands: Array) -> Array:
    result: Array = np.einsum(attrs.equation, *operands, optimize=True)
    return result


def _attention(attrs: ops.Attention, *operands: Array) -> Array:
    sources = [operands[min(i, attrs.operands_qkv - 1)] for i in range(3)]
    rest = iter(operands[attrs.operands_qkv :])
    projected = []
    for source, biased in zip(sources, attrs.biases[:3], strict=True):
        x = source @ next(rest)
        projected.append(_heads(x + next(rest).reshape(-1) if biased else x, attrs))
    weight = next(rest)
    weight = weight.reshape(-1, weight.shape[-1])
    bias = next(rest).reshape(-1) if attrs.biases[3] else None
    scores = attrs.scale * (projected[0] @ projected[1].swapaxes(-1, -2))
    if attrs.masked:
        scores = scores + next(rest)
    context = (softmax(scores, 3) @ projected[2]).swapaxes(1, 2)
    result: Array = context.reshape(*context.shape[:2], -1) @ weight
    return result if bias is None else result + bias


def _heads(x: Array, attrs: ops.Attention) -> Array:
    """(B, M, heads · dim) as (B, heads, M, dim)."""
    return x.reshape(*x.shape[:2], attrs.heads, attrs.dim).swapaxes(1, 2)


FUNCTIONS: dict[type[ops.OpKind], Function] = {
    ops.Attention: _attention,
    ops.Einsum: _einsum,
    ops.MatMul: _matmul,
}
