"""DeiT, a plain Vision Transformer (Touvron et al. 2020), as in timm."""

from __future__ import annotations

from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder

MODELS: dict[str, dict[str, object]] = {
    "deit_tiny": {"dim": 192, "heads": 3},
    "deit_small": {"dim": 384, "heads": 6},
    "deit_base": {"dim": 768, "heads": 12},
}

LAYER_NORM_EPS = 1e-6  # timm's choice for Vision Transformers


def build(
    dim: int = 192,
    heads: int = 3,
    depth: int = 12,
    image: int = 224,
    patch: int = 16,
    mlp_ratio: int = 4,
    classes: int = 1000,
    batch: int = 1,
) -> Graph:
    """Build a DeiT without the distillation token.

    Parameters
    ----------
    dim : int
        Features of a token; divisible by `heads`.
    heads : int
        Attention heads.
    depth : int
        Transformer blocks.
    image, patch : int
        Sides of the square image and of its patches in pixels.
    mlp_ratio : int
        Hidden features of the MLP, in units of `dim`.
    classes : int
        Outputs of the classifier.
    batch : int
        Images per inference.
    """
    b = GraphBuilder("deit")
    x = b.input("input", (batch, 3, image, image))
    x = b.conv(x, dim, kernel=patch, stride=patch, name="patch_embed")
    x = b.transpose(b.flatten(x, 2), 1, 2)
    # The class token is one vector; exporters store it repeated for every image of the batch.
    x = b.concat([b.weight("cls_token", (batch, 1, dim)), x], axis=1)
    x = b.add(x, b.weight("pos_embed", (1, *x.shape[1:])))
    for number in range(depth):
        with b.scope(f"blocks.{number}"):
            x = block(b, x, heads, mlp_ratio)
    x = b.layer_norm(x, LAYER_NORM_EPS, name="norm")
    b.output(b.linear(b.select(x, axis=1, index=0), classes, name="head"))
    return b.build()


def block(b: GraphBuilder, x: Tensor, heads: int, mlp_ratio: int) -> Tensor:
    with b.scope("attn"):
        y = attention(b, b.layer_norm(x, LAYER_NORM_EPS, name="norm"), heads)
    x = b.add(x, y)
    with b.scope("mlp"):
        y = b.layer_norm(x, LAYER_NORM_EPS, name="norm")
        y = b.gelu(b.linear(y, y.shape[-1] * mlp_ratio, name="fc1"))
        y = b.linear(y, x.shape[-1], name="fc2")
    return b.add(x, y)


def attention(b: GraphBuilder, x: Tensor, heads: int) -> Tensor:
    """Self-attention of (B, L, dim) with a fused query-key-value projection."""
    batch, length, dim = x.shape
    qkv = b.linear(x, 3 * dim, name="qkv")
    qkv = b.permute(b.reshape(qkv, (batch, length, 3, heads, dim // heads)), (2, 0, 3, 1, 4))
    q, k, v = (b.select(qkv, axis=0, index=i) for i in range(3))
    q = b.mul(q, (dim // heads) ** -0.5)
    scores = b.softmax(b.matmul(q, b.transpose(k, -2, -1), name="qk"))
    y = b.permute(b.matmul(scores, v, name="av"), (0, 2, 1, 3))
    return b.linear(b.reshape(y, (batch, length, dim)), dim, name="proj")
