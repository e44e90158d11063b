"""BERT encoder (Devlin et al. 2018) behind the embeddings, with a mask."""

from __future__ import annotations

from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.transformer import merge_heads, mlp, split_heads

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
            x = block(b, x, mask, heads, ffn)
    b.output(x)
    return b.build()


def block(b: GraphBuilder, x: Tensor, mask: Tensor, heads: int, ffn: int) -> Tensor:
    """Attention, then an MLP, each with a residual and a LayerNorm behind it."""
    with b.scope("attn"):
        y = attention(b, x, mask, heads)
    x = b.layer_norm(b.add(x, y), LAYER_NORM_EPS, name="norm1")
    with b.scope("mlp"):
        y = mlp(b, x, ffn)
    return b.layer_norm(b.add(x, y), LAYER_NORM_EPS, name="norm2")


def attention(b: GraphBuilder, x: Tensor, mask: Tensor, heads: int) -> Tensor:
    """Self-attention of (B, L, dim) with three projections; scores are scaled after the product."""
    dim = x.shape[-1]
    orders = {"q": (0, 2, 1, 3), "k": (0, 2, 3, 1), "v": (0, 2, 1, 3)}
    q, k, v = (
        b.permute(split_heads(b, b.linear(x, dim, name=part), heads), order)
        for part, order in orders.items()
    )
    scores = b.matmul(q, k, name="qk")
    scores = b.softmax(b.add(b.div(scores, (dim // heads) ** 0.5), mask))
    y = merge_heads(b, b.matmul(scores, v, name="av"))
    return b.linear(y, dim, name="out")
