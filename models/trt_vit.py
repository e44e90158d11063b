"""TRT-ViT (Xia et al. 2022) and the networks of its design rules, as reconstructions.

The paper's tables of configurations were not to be had. What stands here follows its text: the
order and meaning of the parts, shrink ratio 1/2, MLP ratio 3, heads of 32 features, LayerNorm and
GELU in transformers, BatchNorm and ReLU in convolutions. Depths and stem are chosen so that
`trt_vit_c_like` and `trt_vit_d_like` come out at the sizes other papers quote for TRT-ViT-C and D
(67.3 M and 5.9 GMACs, 103.0 M and 9.7 GMACs). Hence the suffix `_like`: these are not the
published networks, and the published latencies do not apply to them.

A network is a ResNet of four stages, each of one kind of block: C for bottlenecks (convolutions),
T for transformers, A, B or M for blocks that mix both. A: side by side; B: bottleneck first; M:
transformer first, the mixed block of TRT-ViT (MixBlockC).
"""

from __future__ import annotations

from collections.abc import Callable

from lgsim.errors import LgsimError
from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.transformer import mlp, self_attention

MODELS: dict[str, dict[str, object]] = {
    "trt_vit_c_like": {"depths": (2, 3, 6, 4)},
    "trt_vit_d_like": {"depths": (5, 4, 13, 6)},
    # Transformers in one stage of a ResNet-50: in the last one this is the paper's MixNetV.
    "mixnet_v_like": {"stages": "CCCT"},
    "mixnet_v_stage3_like": {"stages": "CCTC"},
    "mixnet_v_stage2_like": {"stages": "CTCC"},
    "mixnet_v_stage1_like": {"stages": "TCCC"},
    # The same with fewer early and more late blocks.
    "mixnet_v_refined_like": {"stages": "CCCT", "depths": (2, 3, 5, 4)},
    # Mixed blocks instead of transformers.
    "mixnet_a_like": {"stages": "CCCA"},
    "mixnet_b_like": {"stages": "CCCB"},
    "mixnet_c_like": {"stages": "CCCM"},
}

WIDTHS = (256, 512, 1024, 2048)  # channels of a stage, as in ResNet-50
STEM = (32, 32, 64)
BOTTLENECK = 4  # a bottleneck narrows its channels by this factor inside
HEAD_DIM = 32
MLP_RATIO = 3


def build(
    depths: tuple[int, ...] = (3, 4, 6, 3),
    stages: str = "CCCM",
    shrink: float = 0.5,
    image: int = 224,
    classes: int = 1000,
    batch: int = 1,
) -> Graph:
    """Build a network of convolutions and transformers.

    Parameters
    ----------
    depths : tuple of int
        Blocks per stage.
    stages : str
        Kind of the blocks of each stage, one letter of ``CTABM``.
    shrink : float
        Share of the channels the transformer of a mixed block works on.
    image : int
        Side of the square image in pixels.
    classes : int
        Outputs of the classifier.
    batch : int
        Images per inference.
    """
    if len(stages) != len(depths) or len(depths) > len(WIDTHS) or set(stages) - set("CTABM"):
        raise LgsimError(f"stages '{stages}' are no {len(depths)} letters of CTABM")
    b = GraphBuilder("trt_vit")
    x = stem(b, b.input("input", (batch, 3, image, image)))
    for stage, (kind, depth, width) in enumerate(zip(stages, depths, WIDTHS, strict=False)):
        with b.scope(f"stage{stage + 1}"):
            if kind != "C":
                x = downsample(b, x, width, stride=2 if stage else 1)
            for number in range(depth):
                stride = 2 if kind == "C" and stage and not number else 1
                with b.scope(str(number)):
                    x = block(b, x, kind, width, stride, shrink)
    x = b.flatten(b.global_avg_pool(x))
    b.output(b.linear(x, classes, name="head"))
    return b.build()


def stem(b: GraphBuilder, x: Tensor) -> Tensor:
    """Three convolutions and a pooling to a quarter of the resolution."""
    for number, channels in enumerate(STEM):
        stride = 1 if number else 2
        x = b.conv(x, channels, 3, stride=stride, pad=1, norm=True, name=f"stem.{number}")
        x = b.relu(x)
    return b.max_pool(x, kernel=3, stride=2, pad=1)


def downsample(b: GraphBuilder, x: Tensor, width: int, stride: int) -> Tensor:
    """What stands in front of blocks that keep shape: pooling and a 1x1 convolution."""
    if stride > 1:
        x = b.avg_pool(x, kernel=stride)
    return b.conv(x, width, 1, norm=True, name="downsample")


def block(
    b: GraphBuilder, x: Tensor, kind: str, width: int, stride: int = 1, shrink: float = 0.5
) -> Tensor:
    """One block of a kind; only a bottleneck may change the shape."""
    if kind == "C":
        return bottleneck_block(b, x, width, stride)
    if kind == "T":
        return transformer_block(b, x)
    mixed: dict[str, Callable[[GraphBuilder, Tensor, float], Tensor]] = {
        "A": mix_block_a,
        "B": mix_block_b,
        "M": mix_block_c,
    }
    return mixed[kind](b, x, shrink)


def bottleneck_block(b: GraphBuilder, x: Tensor, width: int, stride: int = 1) -> Tensor:
    """ResNet's block: 1x1, 3x3 and 1x1 convolutions with a residual."""
    inner = width // BOTTLENECK
    with b.scope("conv"):
        y = b.relu(b.conv(x, inner, 1, norm=True, name="conv1"))
        y = b.relu(b.conv(y, inner, 3, stride=stride, pad=1, norm=True, name="conv2"))
        y = b.conv(y, width, 1, norm=True, name="conv3")
        if x.shape != y.shape:
            x = b.conv(x, width, 1, stride=stride, norm=True, name="shortcut")
        return b.relu(b.add(y, x))


def transformer_block(b: GraphBuilder, x: Tensor) -> Tensor:
    """Attention over all pixels of (B, C, H, W), then an MLP, each with a residual."""
    shape = x.shape
    y = b.transpose(b.flatten(x, 2), 1, 2)
    with b.scope("attn"):
        attended = self_attention(b, b.layer_norm(y, name="norm"), shape[1] // HEAD_DIM)
    y = b.add(y, attended)
    with b.scope("mlp"):
        hidden = mlp(b, b.layer_norm(y, name="norm"), shape[1] * MLP_RATIO)
    return b.reshape(b.transpose(b.add(y, hidden), 1, 2), shape)


def mix_block_a(b: GraphBuilder, x: Tensor, shrink: float = 0.5) -> Tensor:
    """Transformer and bottleneck side by side, each on its share of the channels."""
    wide, local = shares(x, shrink)
    t = transformer_block(b, project(b, x, wide, "enter_global"))
    u = bottleneck_block(b, project(b, x, local, "enter_local"), local)
    return b.add(b.concat([t, u], axis=1), x)


def mix_block_b(b: GraphBuilder, x: Tensor, shrink: float = 0.5) -> Tensor:
    """Bottleneck first, the transformer on what it found."""
    wide, local = shares(x, shrink)
    u = bottleneck_block(b, project(b, x, local, "enter"), local)
    t = transformer_block(b, same_or_project(b, u, wide))
    return b.add(b.concat([u, t], axis=1), x)


def mix_block_c(b: GraphBuilder, x: Tensor, shrink: float = 0.5) -> Tensor:
    """Transformer first, the bottleneck on what it found: global, then local."""
    wide, local = shares(x, shrink)
    t = transformer_block(b, project(b, x, wide, "enter"))
    u = bottleneck_block(b, same_or_project(b, t, local), local)
    return b.add(b.concat([t, u], axis=1), x)


def shares(x: Tensor, shrink: float) -> tuple[int, int]:
    """Channels of the transformer and of the bottleneck."""
    wide = round(x.shape[1] * shrink)
    if not 0 < wide < x.shape[1] or wide % HEAD_DIM:
        raise LgsimError(
            f"shrink {shrink} leaves {wide} channels to the transformer",
            limit=f"a multiple of {HEAD_DIM} below {x.shape[1]}",
        )
    return wide, x.shape[1] - wide


def project(b: GraphBuilder, x: Tensor, channels: int, name: str) -> Tensor:
    return b.conv(x, channels, 1, norm=True, name=name)


def same_or_project(b: GraphBuilder, x: Tensor, channels: int) -> Tensor:
    return x if x.shape[1] == channels else project(b, x, channels, "between")
