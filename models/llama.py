"""Llama (Touvron et al. 2023) and its kin: decoder blocks over a whole prompt (prefill).

RMSNorm, rotary positions, several queries per key (grouped attention), and a gated MLP with SiLU.
Embeddings are looked up before and the vocabulary's scores computed behind, on the host or in
networks of their own; neither is part of the stack. The configurations are the published ones.
"""

from __future__ import annotations

from lgsim.errors import LgsimError
from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.transformer import merge_heads, split_heads

MODELS: dict[str, dict[str, object]] = {
    "llama32_1b": {},
    "tinyllama_1b": {"depth": 22, "groups": 4, "hidden": 5632},
}


def build(
    dim: int = 2048,
    heads: int = 32,
    groups: int = 8,
    depth: int = 16,
    hidden: int = 8192,
    sequence: int = 256,
    batch: int = 1,
    cache: bool = False,
) -> Graph:
    """Build the decoder blocks and the RMSNorm behind them.

    Parameters
    ----------
    dim : int
        Features of a token; divisible by `heads`.
    heads, groups : int
        Heads of the queries, and of keys and values; `groups` divides `heads`.
    depth : int
        Transformer blocks.
    hidden : int
        Features inside the MLP.
    sequence : int
        Tokens of the prompt.
    batch : int
        Prompts per inference.
    cache : bool
        Keys and values of every block are outputs as well, for the tokens to come.
    """
    if dim % heads or heads % groups or dim // heads % 2:
        raise LgsimError(f"{dim} features do not form {heads} heads in {groups} groups")
    b = GraphBuilder("llama")
    x = b.input("input", (batch, sequence, dim))
    mask = b.weight("causal_mask", (1, 1, sequence, sequence), trained=0)
    angles = (1, 1, sequence, dim // heads)
    rotary = (b.weight("rotary_cos", angles, trained=0), b.weight("rotary_sin", angles, trained=0))
    kept: list[Tensor] = []
    for number in range(depth):
        with b.scope(f"blocks.{number}"):
            x, key, value = block(b, x, mask, rotary, heads, groups, hidden)
        kept += (key, value)
    b.output(b.rms_norm(x, name="norm"), *(kept if cache else ()))
    return b.build()


def block(
    b: GraphBuilder,
    x: Tensor,
    mask: Tensor,
    rotary: tuple[Tensor, Tensor],
    heads: int,
    groups: int,
    hidden: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Attention and gated MLP behind RMSNorms, with residuals; also the keys and values."""
    with b.scope("attn"):
        y, k, v = attention(b, b.rms_norm(x, name="norm"), mask, rotary, heads, groups)
    x = b.add(x, y)
    with b.scope("mlp"):
        y = gated_mlp(b, b.rms_norm(x, name="norm"), hidden)
    return b.add(x, y), k, v


def attention(
    b: GraphBuilder,
    x: Tensor,
    mask: Tensor,
    rotary: tuple[Tensor, Tensor],
    heads: int,
    groups: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Causal attention of (B, L, dim) with rotated queries and keys."""
    dim = x.shape[-1]
    size = dim // heads
    q, k, v = (
        b.permute(
            split_heads(b, b.linear(x, count * size, bias=False, name=part), count), (0, 2, 1, 3)
        )
        for part, count in (("q", heads), ("k", groups), ("v", groups))
    )
    q, k = rotated(b, q, rotary), rotated(b, k, rotary)
    keys, values = repeated(b, k, heads), repeated(b, v, heads)
    scores = b.mul(b.matmul(q, b.transpose(keys, -2, -1), name="qk"), size**-0.5)
    y = merge_heads(b, b.matmul(b.softmax(b.add(scores, mask)), values, name="av"))
    return b.linear(y, dim, bias=False, name="proj"), k, v


def rotated(b: GraphBuilder, x: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """Pairs of features (i, i + d/2) turned by the angle of the token."""
    cos, sin = rotary
    half = x.shape[-1] // 2
    turned = b.concat([b.active(b.slice(x, -1, half), "neg"), b.slice(x, -1, 0, half)], axis=-1)
    return b.add(b.mul(x, cos), b.mul(turned, sin))


def repeated(b: GraphBuilder, x: Tensor, heads: int) -> Tensor:
    """Each head of keys or values (B, groups, L, d) for all queries that share it."""
    batch, groups, length, size = x.shape
    if groups == heads:
        return x
    x = b.tile(b.unsqueeze(x, 2), (1, 1, heads // groups, 1, 1))
    return b.reshape(x, (batch, heads, length, size))


def gated_mlp(b: GraphBuilder, x: Tensor, hidden: int) -> Tensor:
    """Two projections side by side, one through SiLU, multiplied and projected back."""
    gate = b.silu(b.linear(x, hidden, bias=False, name="gate"))
    y = b.mul(gate, b.linear(x, hidden, bias=False, name="up"))
    return b.linear(y, x.shape[-1], bias=False, name="down")
