"""EfficientViT M0 to M5 (Liu et al. 2023, Microsoft), BatchNorm folded.

Each block is a sandwich: depthwise convolution and FFN around one attention, whose heads work one
after the other on their share of the channels, each with the result of the one before added.
Position biases stand in the graph gathered offline, (N, N) per head; the trained table has one
number per distinct offset.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from lgsim.errors import LgsimError
from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.transformer import merge_heads, split_heads

WIDE: tuple[int, ...] = (7, 5, 3, 3)  # kernels on the queries of most variants
MODELS: dict[str, dict[str, object]] = {
    "efficientvit_m0": {},
    "efficientvit_m1": {"dims": (128, 144, 192), "heads": (2, 3, 3), "kernels": WIDE},
    "efficientvit_m2": {"dims": (128, 192, 224), "heads": (4, 3, 2), "kernels": WIDE},
    "efficientvit_m3": {"dims": (128, 240, 320), "heads": (4, 3, 4)},
    "efficientvit_m4": {"dims": (128, 256, 384), "kernels": WIDE},
    "efficientvit_m5": {
        "dims": (192, 288, 384), "depths": (1, 3, 4), "heads": (3, 3, 4), "kernels": WIDE,
    },
}  # fmt: skip

KEY_DIM = 16  # features of a query and of a key, in every head
FFN_RATIO = 2
MERGE_RATIO = 4  # a merge between stages widens by this factor inside
SQUEEZE_RATIO = 4

Attention = Literal["cascaded", "plain"]
Attend = Callable[[GraphBuilder, Tensor, tuple[int, ...]], Tensor]


def build(
    dims: tuple[int, ...] = (64, 128, 192),
    depths: tuple[int, ...] = (1, 2, 3),
    heads: tuple[int, ...] = (4, 4, 4),
    kernels: tuple[int, ...] = (5, 5, 5, 5),
    window: int = 7,
    image: int = 224,
    classes: int = 1000,
    batch: int = 1,
    attention: Attention = "cascaded",
    sandwich: bool = True,
) -> Graph:
    """Build an EfficientViT.

    Parameters
    ----------
    dims, depths, heads : tuple of int
        Channels, blocks and attention heads per stage.
    kernels : tuple of int
        Side of the depthwise convolution on the query, per head.
    window : int
        Side of an attention window; stages that are no larger are one window.
    image : int
        Side of the square image in pixels.
    classes : int
        Outputs of the classifier.
    batch : int
        Images per inference.
    attention : {"cascaded", "plain"}
        The network's own attention, or one where every head sees all channels at once.
    sandwich : bool
        Convolution and FFN on both sides of the attention; otherwise only behind it.
    """
    if len(kernels) < max(heads):
        raise LgsimError(f"{len(kernels)} kernels for {max(heads)} heads")
    b = GraphBuilder("efficientvit")
    x = b.input("input", (batch, 3, image, image))
    for number, divisor in enumerate((8, 4, 2, 1)):
        if number:
            x = b.relu(x)
        x = b.conv(x, dims[0] // divisor, 3, stride=2, pad=1, norm=True, name=f"stem.{number}")
    for stage, (dim, depth, count) in enumerate(zip(dims, depths, heads, strict=True)):
        if stage:
            with b.scope(f"stage{stage}.merge"):
                x = merge(b, x, dim)
        for number in range(depth):
            with b.scope(f"stage{stage + 1}.{number}"):
                x = block(b, x, kernels[:count], window, attention, sandwich)
    x = b.batch_norm(b.flatten(b.global_avg_pool(x)), name="head_norm")
    b.output(b.linear(x, classes, name="head"))
    return b.build()


def block(
    b: GraphBuilder,
    x: Tensor,
    kernels: tuple[int, ...],
    window: int,
    attention: Attention = "cascaded",
    sandwich: bool = True,
) -> Tensor:
    """Convolution and FFN, attention, convolution and FFN, each with a residual."""
    if sandwich:
        x = local_mixer(b, x, "before")
    with b.scope("attn"):
        attend = cascaded_attention if attention == "cascaded" else plain_attention
        y = windowed(b, x, window, kernels, attend)
    return local_mixer(b, b.add(x, y), "after")


def local_mixer(b: GraphBuilder, x: Tensor, name: str) -> Tensor:
    """A depthwise convolution, then an FFN of two 1x1 convolutions, each with a residual."""
    channels = x.shape[1]
    with b.scope(name):
        x = b.add(x, depthwise(b, x, 3, "depthwise"))
        with b.scope("ffn"):
            y = b.conv(x, channels * FFN_RATIO, 1, norm=True, name="expand")
            y = b.conv(b.relu(y), channels, 1, norm=True, name="reduce")
        return b.add(x, y)


def depthwise(b: GraphBuilder, x: Tensor, kernel: int, name: str, stride: int = 1) -> Tensor:
    return b.conv(
        x, x.shape[1], kernel, stride, kernel // 2, groups=x.shape[1], norm=True, name=name
    )


def merge(b: GraphBuilder, x: Tensor, dim: int) -> Tensor:
    """Half the resolution and `dim` channels, between two mixers of neighbouring pixels."""
    x = local_mixer(b, x, "before")
    x = b.relu(b.conv(x, x.shape[1] * MERGE_RATIO, 1, norm=True, name="expand"))
    x = squeeze_excite(b, b.relu(depthwise(b, x, 3, "stride", stride=2)))
    return local_mixer(b, b.conv(x, dim, 1, norm=True, name="reduce"), "after")


def squeeze_excite(b: GraphBuilder, x: Tensor) -> Tensor:
    """Channels weighted by what the mean of the image says of them."""
    with b.scope("squeeze"):
        y = b.reduce(x, "mean", (2, 3), keepdims=True)
        y = b.relu(b.conv(y, x.shape[1] // SQUEEZE_RATIO, 1, name="fc1"))
        return b.mul(x, b.sigmoid(b.conv(y, x.shape[1], 1, name="fc2")))


def windowed(
    b: GraphBuilder, x: Tensor, window: int, kernels: tuple[int, ...], attend: Attend
) -> Tensor:
    """Attention in each window of (B, C, H, W); an image that is one window stays as it is."""
    batch, dim, height, width = x.shape
    if height <= window and width <= window:
        return attend(b, x, kernels)
    if height % window or width % window:
        raise LgsimError(f"a window of {window} does not divide {height} x {width} pixels")
    tall, wide = height // window, width // window
    y = b.permute(x, (0, 2, 3, 1))
    y = b.permute(b.reshape(y, (batch, tall, window, wide, window, dim)), (0, 1, 3, 2, 4, 5))
    y = b.permute(b.reshape(y, (-1, window, window, dim)), (0, 3, 1, 2))
    y = b.permute(attend(b, y, kernels), (0, 2, 3, 1))
    y = b.permute(b.reshape(y, (batch, tall, wide, window, window, dim)), (0, 1, 3, 2, 4, 5))
    return b.permute(b.reshape(y, (batch, height, width, dim)), (0, 3, 1, 2))


def cascaded_attention(b: GraphBuilder, x: Tensor, kernels: tuple[int, ...]) -> Tensor:
    """One head per kernel, each on its share of the channels and on what the last one found."""
    parts = b.split(x, len(kernels), axis=1)
    found: list[Tensor] = []
    for number, (part, kernel) in enumerate(zip(parts, kernels, strict=True)):
        with b.scope(f"head.{number}"):
            found.append(head(b, b.add(found[-1], part) if found else part, kernel))
    return b.conv(b.relu(b.concat(found, axis=1)), x.shape[1], 1, norm=True, name="proj")


def head(b: GraphBuilder, x: Tensor, kernel: int) -> Tensor:
    """Attention of one head over the pixels of (W, C, H, W)."""
    count, dim, height, width = x.shape
    qkv = b.conv(x, 2 * KEY_DIM + dim, 1, norm=True, name="qkv")
    q, k, v = b.split(qkv, (KEY_DIM, KEY_DIM, dim), axis=1)
    q = depthwise(b, q, kernel, "query")
    q, k, v = (b.flatten(part, 2) for part in (q, k, v))
    q = b.transpose(b.mul(q, KEY_DIM**-0.5), 1, 2)
    scores = b.add(b.matmul(q, k, name="qk"), position_bias(b, height, width))
    y = b.matmul(v, b.transpose(b.softmax(scores), 1, 2), name="av")
    return b.reshape(y, (count, dim, height, width))


def plain_attention(b: GraphBuilder, x: Tensor, kernels: tuple[int, ...]) -> Tensor:
    """As many heads on all channels, side by side: what the cascade is compared with.

    Keys and queries have the features of the values, as in a usual Vision Transformer.
    """
    count, dim, height, width = x.shape
    heads = len(kernels)
    qkv = b.transpose(b.flatten(b.conv(x, 3 * dim, 1, norm=True, name="qkv"), 2), 1, 2)
    q, k, v = (
        b.permute(split_heads(b, part, heads), (0, 2, 1, 3)) for part in b.split(qkv, 3, axis=2)
    )
    q = b.mul(q, (dim // heads) ** -0.5)
    scores = b.matmul(q, b.transpose(k, -2, -1), name="qk")
    scores = b.add(scores, position_bias(b, height, width, heads))
    y = merge_heads(b, b.matmul(b.softmax(scores), v, name="av"))
    y = b.reshape(b.transpose(y, 1, 2), (count, dim, height, width))
    return b.conv(b.relu(y), dim, 1, norm=True, name="proj")


def position_bias(b: GraphBuilder, height: int, width: int, heads: int = 0) -> Tensor:
    """One number per pair of pixels; trained is one per distance in rows and in columns."""
    tokens = height * width
    shape = (1, heads, tokens, tokens) if heads else (tokens, tokens)
    return b.weight("position_bias", shape, trained=max(heads, 1) * tokens)
