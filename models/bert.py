"""BERT encoder (Devlin et al. 2018) behind the embeddings, with a mask."""

from __future__ import annotations

from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder

MODELS: dict[str, dict[str, object]] = {
    "bert_base": {},
}

LAYER_NORM_EPS = 1e-12  # of the published configuration


def build(
    dim: int = 768,
    heads: int = 12,
    depth: int = 12,
    ffn: int = 3072,
    sequence: int = 128,
    batch: int = 1,
) -> Graph:
    """Build the encoder: embeddings are looked up and summed before, on the host.

    Parameters
    ----------
    dim : int
        Features of a token; divisible by `heads`.
    heads : int
        Attention heads.
    depth : int
        Transformer layers.
    ffn : int
        Hidden features of the feed-forward network.
    sequence : int
        Tokens.
    batch : int
        Sequences per inference.
    """
    b = GraphBuilder("bert")
    x = b.input("input", (batch, sequence, dim))
    mask = b.input("mask", (batch, 1, 1, sequence))
    for number in range(depth):
        with b.scope(f"layer.{number}"):
            y = attention(b, x, mask, heads)
            x = b.layer_norm(b.add(x, y), LAYER_NORM_EPS, name="norm1")
            y = b.gelu(b.linear(x, ffn, name="fc1"))
            x = b.layer_norm(b.add(x, b.linear(y, dim, name="fc2")), LAYER_NORM_EPS, name="norm2")
    b.output(x)
    return b.build()


def attention(b: GraphBuilder, x: Tensor, mask: Tensor, heads: int) -> Tensor:
    """Self-attention of (B, L, dim) with three projections; scores are scaled after the product."""
    batch, length, dim = x.shape
    with b.scope("attn"):
        q, k, v = (
            b.reshape(b.linear(x, dim, name=part), (batch, length, heads, dim // heads))
            for part in ("q", "k", "v")
        )
        q, v = b.permute(q, (0, 2, 1, 3)), b.permute(v, (0, 2, 1, 3))
        scores = b.matmul(q, b.permute(k, (0, 2, 3, 1)), name="qk")
        scores = b.softmax(b.add(b.div(scores, (dim // heads) ** 0.5), mask))
        y = b.permute(b.matmul(scores, v, name="av"), (0, 2, 1, 3))
        return b.linear(b.reshape(y, (batch, length, dim)), dim, name="out")
