"""Swin Transformer (Liu et al. 2021) in Microsoft's form.

Shifted windows are windows of the rolled image. The relative position biases stand in the graph
as what a compiler sees: one weight (1, heads, N, N) per block, gathered offline from a table of
(2·window − 1)² rows; so do the masks of the shifted blocks. `Graph.params` counts those larger
weights, as an exported ONNX file does (28,817,262 for swin_t); `trained_params` gives the number
of the paper, which counts the tables and no masks (28,288,354).
"""

from __future__ import annotations

from math import isqrt

from lgsim.errors import LgsimError
from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder

MODELS: dict[str, dict[str, object]] = {
    "swin_t": {},
    "swin_s": {"depths": (2, 2, 18, 2)},
    "swin_b": {"dim": 128, "depths": (2, 2, 18, 2), "heads": (4, 8, 16, 32)},
}

POSITION_BIAS = "position_bias"
MASK = "mask"


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
    x = b.conv(x, dim, kernel=patch, stride=patch, name="patch_embed")
    x = b.layer_norm(b.transpose(b.flatten(x, 2), 1, 2), name="embed_norm")
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
        y = b.gelu(b.linear(b.layer_norm(x, name="norm2"), dim * mlp_ratio, name="fc1"))
        y = b.linear(y, dim, name="fc2")
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
    windows, tokens, dim = x.shape
    with b.scope("attn"):
        qkv = b.reshape(b.linear(x, 3 * dim, name="qkv"), (windows, tokens, 3, heads, dim // heads))
        qkv = b.permute(qkv, (2, 0, 3, 1, 4))
        q, k, v = (b.select(qkv, axis=0, index=i) for i in range(3))
        q = b.mul(q, (dim // heads) ** -0.5)
        scores = b.matmul(q, b.transpose(k, -2, -1), name="qk")
        scores = b.add(scores, b.weight(POSITION_BIAS, (1, heads, tokens, tokens)))
        if masked_windows:
            mask = b.weight(MASK, (1, masked_windows, 1, tokens, tokens))
            scores = b.reshape(scores, (-1, masked_windows, heads, tokens, tokens))
            scores = b.reshape(b.add(scores, mask), (-1, heads, tokens, tokens))
        y = b.permute(b.matmul(b.softmax(scores), v, name="av"), (0, 2, 1, 3))
        return b.linear(b.reshape(y, (windows, tokens, dim)), dim, name="proj")


def merge_patches(b: GraphBuilder, x: Tensor, side: int) -> Tensor:
    """Four neighbouring tokens become one with twice the features; `x` is (B, side², C)."""
    batch, _, dim = x.shape
    image = b.reshape(x, (batch, side, side, dim))
    rows = [b.slice(image, axis=1, start=row, step=2) for row in range(2)]
    parts = [b.slice(row, axis=2, start=column, step=2) for column in range(2) for row in rows]
    y = b.reshape(b.concat(parts, axis=-1), (batch, -1, 4 * dim))
    return b.linear(b.layer_norm(y, name="norm"), 2 * dim, bias=False, name="reduction")


def trained_params(graph: Graph) -> int:
    """Parameters as papers count them: tables instead of gathered position biases, no masks."""
    count = graph.params()
    for tensor in graph.tensors:
        if tensor.name.endswith(f"/{POSITION_BIAS}"):
            _, heads, tokens, _ = tensor.shape
            count += heads * (2 * isqrt(tokens) - 1) ** 2 - tensor.type.elements
        elif tensor.name.endswith(f"/{MASK}"):
            count -= tensor.type.elements
    return count
