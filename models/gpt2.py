"""GPT-2 (Radford et al. 2019): its decoder blocks over a whole prompt (prefill).

Embeddings are looked up before and the vocabulary's scores computed behind, on the host or in
networks of their own; neither is part of the stack.
"""

from __future__ import annotations

from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.transformer import merge_heads, mlp, split_heads

MODELS: dict[str, dict[str, object]] = {
    "gpt2": {},
    "gpt2_medium": {"dim": 1024, "heads": 16, "depth": 24},
}

MLP_RATIO = 4


def build(
    dim: int = 768,
    heads: int = 12,
    depth: int = 12,
    sequence: int = 256,
    batch: int = 1,
    cache: bool = False,
) -> Graph:
    """Build the decoder blocks and the LayerNorm behind them.

    Parameters
    ----------
    dim : int
        Features of a token; divisible by `heads`.
    heads : int
        Attention heads.
    depth : int
        Transformer blocks.
    sequence : int
        Tokens of the prompt.
    batch : int
        Prompts per inference.
    cache : bool
        Keys and values of every block are outputs as well, for the tokens to come.
    """
    b = GraphBuilder("gpt2")
    x = b.input("input", (batch, sequence, dim))
    mask = b.weight("causal_mask", (1, 1, sequence, sequence), trained=0)
    kept: list[Tensor] = []
    for number in range(depth):
        with b.scope(f"blocks.{number}"):
            x, key, value = block(b, x, mask, heads)
        kept += (key, value)
    b.output(b.layer_norm(x, name="norm"), *(kept if cache else ()))
    return b.build()


def block(b: GraphBuilder, x: Tensor, mask: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Attention and MLP behind LayerNorms, with residuals; also the keys and values."""
    with b.scope("attn"):
        y, k, v = attention(b, b.layer_norm(x, name="norm"), mask, heads)
    x = b.add(x, y)
    with b.scope("mlp"):
        y = mlp(b, b.layer_norm(x, name="norm"), x.shape[-1] * MLP_RATIO, mode="tanh_gelu")
    return b.add(x, y), k, v


def attention(
    b: GraphBuilder, x: Tensor, mask: Tensor, heads: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Causal attention of (B, L, dim); scores are scaled after the product."""
    dim = x.shape[-1]
    qkv = b.split(b.linear(x, 3 * dim, name="qkv"), 3, axis=-1)
    q, k, v = (b.permute(split_heads(b, part, heads), (0, 2, 1, 3)) for part in qkv)
    scores = b.div(b.matmul(q, b.transpose(k, -2, -1), name="qk"), (dim // heads) ** 0.5)
    y = b.matmul(b.softmax(b.add(scores, mask)), v, name="av")
    return b.linear(merge_heads(b, y), dim, name="proj"), k, v
