"""ResNet (He et al. 2015) as in torchvision, BatchNorm folded."""

from __future__ import annotations

from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder

MODELS: dict[str, dict[str, object]] = {
    "resnet18": {"blocks": (2, 2, 2, 2), "bottleneck": False},
    "resnet34": {"blocks": (3, 4, 6, 3), "bottleneck": False},
    "resnet50": {"blocks": (3, 4, 6, 3)},
    "resnet101": {"blocks": (3, 4, 23, 3)},
}

EXPANSION = 4  # a bottleneck widens its inner width by this factor


def build(
    blocks: tuple[int, ...] = (3, 4, 6, 3),
    bottleneck: bool = True,
    channels: int = 64,
    height: int = 224,
    width: int = 224,
    classes: int = 1000,
    batch: int = 1,
) -> Graph:
    """Build a ResNet.

    Parameters
    ----------
    blocks : tuple of int
        Residual blocks per stage; every stage after the first halves the image.
    bottleneck : bool
        Blocks of 1x1, 3x3, 1x1 convolutions instead of two 3x3 ones.
    channels : int
        Channels of the stem; they double with every stage.
    height, width : int
        Size of the image in pixels.
    classes : int
        Outputs of the classifier.
    batch : int
        Images per inference.
    """
    b = GraphBuilder("resnet")
    x = b.input("input", (batch, 3, height, width))
    x = b.relu(b.conv(x, channels, kernel=7, stride=2, pad=3, norm=True, name="conv1"))
    x = b.max_pool(x, kernel=3, stride=2, pad=1)
    block = bottleneck_block if bottleneck else basic_block
    for stage, count in enumerate(blocks):
        for number in range(count):
            stride = 2 if stage and not number else 1
            with b.scope(f"layer{stage + 1}.{number}"):
                x = block(b, x, channels << stage, stride)
    x = b.flatten(b.global_avg_pool(x))
    b.output(b.linear(x, classes, name="fc"))
    return b.build()


def basic_block(b: GraphBuilder, x: Tensor, channels: int, stride: int) -> Tensor:
    y = b.relu(b.conv(x, channels, kernel=3, stride=stride, pad=1, norm=True, name="conv1"))
    y = b.conv(y, channels, kernel=3, pad=1, norm=True, name="conv2")
    return b.relu(b.add(y, shortcut(b, x, channels, stride)))


def bottleneck_block(b: GraphBuilder, x: Tensor, channels: int, stride: int) -> Tensor:
    y = b.relu(b.conv(x, channels, kernel=1, norm=True, name="conv1"))
    y = b.relu(b.conv(y, channels, kernel=3, stride=stride, pad=1, norm=True, name="conv2"))
    y = b.conv(y, channels * EXPANSION, kernel=1, norm=True, name="conv3")
    return b.relu(b.add(y, shortcut(b, x, channels * EXPANSION, stride)))


def shortcut(b: GraphBuilder, x: Tensor, channels: int, stride: int) -> Tensor:
    """The input itself, or projected where the block changes its shape."""
    if stride == 1 and x.shape[1] == channels:
        return x
    return b.conv(x, channels, kernel=1, stride=stride, norm=True, name="downsample")
