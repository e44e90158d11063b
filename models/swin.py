"""Swin Transformer (Liu et al. 2021) in Microsoft's form.

Shifted windows are windows of the rolled image. The relative position biases stand in the graph
as what a compiler sees: one weight (1, heads, N, N) per block, gathered offline from a table of
(2·window − 1)² rows; so do the masks of the shifted blocks. `Graph.params` counts those larger
weights, as an exported ONNX file does (28,817,262 for swin_t); `Graph.trained_params` is the
number of the paper, which counts the tables and no masks (28,288,354).
"""

from __future__ import annotations

from math import isqrt

from lgsim.errors import LgsimError
from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.transformer import merge_heads, mlp, patch_embed, qkv_heads

MODELS: dict[str, dict[str, object]] = {
    "swin_t": {},
    "swin_s": {"depths": (2, 2, 18, 2)},
    "swin_b": {"dim": 128, "depths": (2, 2, 18, 2), "heads": (4, 8, 16, 32)},
}


def build(
    dim: int = 96,
    depths: tuple[int, ...] = (2, 2, 6, 2),
    heads: tuple[int, ...] = (3, 6, 12, 24),
    window: int = 7,
    image: int = 224,
    patch: int = 4,
    mlp_ratio: int = 4,
    classes: int = 1000,
    batch: int = 1,
) -> Graph:
    """Build a Swin Transformer.

    Parameters
    ----------
    dim : int
        Features of a token in the first stage; every stage doubles them.
    depths, heads : tuple of int
        Blocks and attention heads per stage.
    window : int
        Side of an attention window in tokens; divides the side of every stage.
    image, patch : int
        Sides of the square image and of its patches in pixels.
    mlp_ratio : int
        Hidden features of the MLP, in units of the token's.
    classes : int
        Outputs of the classifier.
    batch : int
        Images per inference.
    """
    b = GraphBuilder("swin")
    x = b.input("input", (batch, 3, image, image))
    x = b.layer_norm(patch_embed(b, x, dim, patch), name="embed_norm")
    side = image // patch
    for stage, (depth, count) in enumerate(zip(depths, heads, strict=True)):
        if stage:
            with b.scope(f"stage{stage}.merge"):
                x = merge_patches(b, x, side)
            side //= 2
        if side % window:
            raise LgsimError(f"a window of {window} does not divide the {side} tokens of a side")
        for number in range(depth):
            # A stage that is a single window has nothing to shift.
            shift = window // 2 if number % 2 and side > window else 0
            with b.scope(f"stage{stage + 1}.{number}"):
                x = block(b, x, side, count, window, shift, mlp_ratio)
    x = b.transpose(b.layer_norm(x, name="norm"), 1, 2)
    b.output(b.linear(b.flatten(b.global_avg_pool(x)), classes, name="head"))
    return b.build()


def block(
    b: GraphBuilder, x: Tensor, side: int, heads: int, window: int, shift: int, mlp_ratio: int
) -> Tensor:
    """Attention in windows, then an MLP, each with a residual; `x` is (B, side², C)."""
    batch, _, dim = x.shape
    y = b.reshape(b.layer_norm(x, name="norm1"), (batch, side, side, dim))
    y = roll_both(b, y, -shift)
    masked_windows = (side // window) ** 2 if shift else 0
    y = attention(b, to_windows(b, y, window), heads, masked_windows)
    y = from_windows(b, y, side, window)
    y = roll_both(b, y, shift)
    x = b.add(x, b.reshape(y, x.shape))
    with b.scope("mlp"):
        y = mlp(b, b.layer_norm(x, name="norm2"), dim * mlp_ratio)
    return b.add(x, y)


def roll_both(b: GraphBuilder, x: Tensor, shift: int) -> Tensor:
    """Roll the rows, then the columns, of an image (B, H, W, C)."""
    return b.roll(b.roll(x, shift, axis=1), shift, axis=2)


def to_windows(b: GraphBuilder, x: Tensor, window: int) -> Tensor:
    """(B, H, W, C) to (B · windows, window², C)."""
    batch, height, width, dim = x.shape
    x = b.reshape(x, (batch, height // window, window, width // window, window, dim))
    x = b.permute(x, (0, 1, 3, 2, 4, 5))
    x = b.reshape(x, (-1, window, window, dim))
    return b.reshape(x, (-1, window * window, dim))


def from_windows(b: GraphBuilder, x: Tensor, side: int, window: int) -> Tensor:
    """(B · windows, window², C) to (B, side, side, C)."""
    dim, count = x.shape[-1], side // window
    x = b.reshape(x, (-1, window, window, dim))
    x = b.reshape(x, (-1, count, count, window, window, dim))
    x = b.permute(x, (0, 1, 3, 2, 4, 5))
    return b.reshape(x, (-1, side, side, dim))


def attention(b: GraphBuilder, x: Tensor, heads: int, masked_windows: int) -> Tensor:
    """Attention inside each window of (W, N, C), with position biases.

    With `masked_windows` (windows per image) a mask keeps apart what the roll brought together.
    """
    tokens, side = x.shape[1], isqrt(x.shape[1])
    with b.scope("attn"):
        q, k, v = qkv_heads(b, x, heads)
        scores = b.matmul(q, b.transpose(k, -2, -1), name="qk")
        table = heads * (2 * side - 1) ** 2
        shape = (1, heads, tokens, tokens)
        scores = b.add(scores, b.weight("position_bias", shape, trained=table))
        if masked_windows:
            mask = b.weight("mask", (1, masked_windows, 1, tokens, tokens), trained=0)
            scores = b.reshape(scores, (-1, masked_windows, heads, tokens, tokens))
            scores = b.reshape(b.add(scores, mask), (-1, heads, tokens, tokens))
        y = merge_heads(b, b.matmul(b.softmax(scores), v, name="av"))
        return b.linear(y, x.shape[-1], name="proj")


def merge_patches(b: GraphBuilder, x: Tensor, side: int) -> Tensor:
    """Four neighbouring tokens become one with twice the features; `x` is (B, side², C)."""
    batch, _, dim = x.shape
    image = b.reshape(x, (batch, side, side, dim))
    rows = [b.slice(image, axis=1, start=row, step=2) for row in range(2)]
    parts = [b.slice(row, axis=2, start=column, step=2) for column in range(2) for row in rows]
    y = b.reshape(b.concat(parts, axis=-1), (batch, -1, 4 * dim))
    return b.linear(b.layer_norm(y, name="norm"), 2 * dim, bias=False, name="reduction")
