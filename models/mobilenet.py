"""MobileNetV2 (Sandler et al. 2018) as in torchvision, BatchNorm folded."""

from __future__ import annotations

from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder

MODELS: dict[str, dict[str, object]] = {
    "mobilenet_v2": {},
    "mobilenet_v2_050": {"width": 0.5},
}

# Table 2 of the paper: expansion, channels, blocks, stride of the first block.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM = 32
LAST = 1280
RELU_LIMIT = 6.0


def build(width: float = 1.0, image: int = 224, classes: int = 1000, batch: int = 1) -> Graph:
    """Build a MobileNetV2.

    Parameters
    ----------
    width : float
        Factor on all channels, which are rounded to multiples of 8; the last convolution does
        not become narrower.
    image : int
        Side of the square image in pixels.
    classes : int
        Outputs of the classifier.
    batch : int
        Images per inference.
    """
    b = GraphBuilder("mobilenet_v2")
    x = b.input("input", (batch, 3, image, image))
    x = b.relu(
        b.conv(x, scaled(STEM, width), 3, stride=2, pad=1, norm=True, name="stem"), RELU_LIMIT
    )
    for stage, (expansion, channels, count, first_stride) in enumerate(STAGES):
        for number in range(count):
            with b.scope(f"stage{stage + 1}.{number}"):
                stride = 1 if number else first_stride
                x = inverted_residual(b, x, scaled(channels, width), expansion, stride)
    x = b.relu(b.conv(x, scaled(LAST, max(width, 1.0)), 1, norm=True, name="last"), RELU_LIMIT)
    x = b.flatten(b.global_avg_pool(x))
    b.output(b.linear(x, classes, name="classifier"))
    return b.build()


def inverted_residual(
    b: GraphBuilder, x: Tensor, channels: int, expansion: int = 6, stride: int = 1
) -> Tensor:
    """Widen, convolve each channel by itself, narrow; no activation at the end."""
    y, hidden = x, x.shape[1] * expansion
    if expansion != 1:
        y = b.relu(b.conv(y, hidden, 1, norm=True, name="expand"), RELU_LIMIT)
    y = b.conv(y, hidden, 3, stride=stride, pad=1, groups=hidden, norm=True, name="depthwise")
    y = b.conv(b.relu(y, RELU_LIMIT), channels, 1, norm=True, name="project")
    return b.add(x, y) if x.shape == y.shape else y


def scaled(channels: int, width: float) -> int:
    """Channels times `width`, rounded to a multiple of 8 that is no more than a tenth smaller."""
    wanted = channels * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded
