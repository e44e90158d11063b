"""Pieces that transformers share, for model scripts: patches, heads and the MLP."""

from __future__ import annotations

from lgsim.graph.builder import GraphBuilder
from lgsim.graph.values import Tensor


def patch_embed(b: GraphBuilder, x: Tensor, dim: int, patch: int) -> Tensor:
    """An image (B, C, H, W) as tokens (B, L, `dim`), one per `patch` x `patch` pixels."""
    x = b.conv(x, dim, kernel=patch, stride=patch, name="patch_embed")
    return b.transpose(b.flatten(x, 2), 1, 2)


def split_heads(b: GraphBuilder, x: Tensor, heads: int) -> Tensor:
    """Features (B, L, `heads` · d) as (B, L, `heads`, d)."""
    return b.reshape(x, (*x.shape[:2], heads, x.shape[2] // heads))


def merge_heads(b: GraphBuilder, x: Tensor) -> Tensor:
    """The results of all heads (B, heads, L, d) as features (B, L, heads · d)."""
    return b.flatten(b.permute(x, (0, 2, 1, 3)), 2)


def qkv_heads(b: GraphBuilder, x: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value (B, heads, L, d) of one projection; the query is scaled."""
    batch, length, dim = x.shape
    qkv = b.linear(x, 3 * dim, name="qkv")
    qkv = b.permute(b.reshape(qkv, (batch, length, 3, heads, dim // heads)), (2, 0, 3, 1, 4))
    q, k, v = (b.select(qkv, axis=0, index=i) for i in range(3))
    return b.mul(q, (dim // heads) ** -0.5), k, v


def attend(b: GraphBuilder, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """softmax(q kᵀ + bias) v of (B, heads, L, d)."""
    scores = b.matmul(q, b.transpose(k, -2, -1), name="qk")
    if bias is not None:
        scores = b.add(scores, bias)
    return b.matmul(b.softmax(scores), v, name="av")


def self_attention(b: GraphBuilder, x: Tensor, heads: int) -> Tensor:
    """Plain attention of (B, L, C) with one projection in front and one behind."""
    y = merge_heads(b, attend(b, *qkv_heads(b, x, heads)))
    return b.linear(y, x.shape[-1], name="proj")


def mlp(b: GraphBuilder, x: Tensor, hidden: int, mode: str = "gelu") -> Tensor:
    """Two dense layers with an activation between them."""
    y = b.active(b.linear(x, hidden, name="fc1"), mode)
    return b.linear(y, x.shape[-1], name="fc2")
