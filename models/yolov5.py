"""YOLOv5 in its release 6 form: CSP backbone, pyramid of features both ways, three raw heads.

Written from descriptions of the architecture: cross-stage partial networks (Wang et al. 2020),
path aggregation (Liu et al. 2018), spatial pyramid pooling (He et al. 2014) as three poolings in
a row, SiLU. Decoding of boxes and suppression are left to the host.
"""

from __future__ import annotations

from lgsim.errors import LgsimError
from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder

MODELS: dict[str, dict[str, object]] = {
    "yolov5n": {"channels": 16},
    "yolov5s": {},
    "yolov5m": {"channels": 48, "depths": (2, 4, 6, 2)},
    "yolov5l": {"channels": 64, "depths": (3, 6, 9, 3)},
}

ANCHORS = 3  # boxes per pixel of each head
BOX = 5  # numbers per box besides the classes: place, size, confidence
POOL = 5  # side of the poolings in the pyramid
COARSEST = 3  # levels the heads look at


def build(
    channels: int = 32,
    depths: tuple[int, ...] = (1, 2, 3, 1),
    height: int = 640,
    width: int = 640,
    classes: int = 80,
    batch: int = 1,
) -> Graph:
    """Build a YOLOv5.

    Parameters
    ----------
    channels : int
        Channels of the stem; they double with every halving of the resolution.
    depths : tuple of int
        Bottlenecks per stage of the backbone; the neck has as many as the first stage.
    height, width : int
        Size of the image in pixels, multiples of 32.
    classes : int
        Kinds of objects.
    batch : int
        Images per inference.
    """
    coarsest = 2 << len(depths)
    if height % coarsest or width % coarsest:
        raise LgsimError(f"an image of {height} x {width}", limit=f"multiples of {coarsest}")
    b = GraphBuilder("yolov5")
    x = b.input("input", (batch, 3, height, width))
    levels = backbone(b, x, channels, depths)[-COARSEST:]
    for number, level in enumerate(neck(b, levels, depths[0])):
        b.output(b.conv(level, ANCHORS * (BOX + classes), 1, name=f"head{number}"))
    return b.build()


def backbone(b: GraphBuilder, x: Tensor, channels: int, depths: tuple[int, ...]) -> list[Tensor]:
    """The results of all stages, finest first; the last one has seen the pooling pyramid."""
    x = conv(b, x, channels, 6, stride=2, pad=2, name="stem")
    levels = []
    for stage, depth in enumerate(depths):
        width = channels << stage + 1
        with b.scope(f"stage{stage + 1}"):
            x = conv(b, x, width, 3, stride=2, name="down")
            x = partial(b, x, width, depth)
            if stage == len(depths) - 1:
                x = pooling_pyramid(b, x)
        levels.append(x)
    return levels


def neck(b: GraphBuilder, levels: list[Tensor], depth: int) -> list[Tensor]:
    """Coarse features carried to the finest level, then back; finest first."""
    *finer, x = levels
    waiting: list[Tensor] = []
    for number, level in enumerate(reversed(finer)):
        with b.scope(f"up{number}"):
            if number:
                x = partial(b, x, 2 * level.shape[1], depth, residual=False)
            x = conv(b, x, level.shape[1], 1, name="lateral")
            waiting.append(x)
            x = b.concat([b.upsample(x, 2), level], axis=1)
    with b.scope("finest"):
        found = [partial(b, x, finer[0].shape[1], depth, residual=False)]
    for number, lateral in enumerate(reversed(waiting)):
        with b.scope(f"down{number}"):
            x = conv(b, found[-1], lateral.shape[1], 3, stride=2, name="down")
            x = b.concat([x, lateral], axis=1)
            found.append(partial(b, x, x.shape[1], depth, residual=False))
    return found


def conv(
    b: GraphBuilder,
    x: Tensor,
    channels: int,
    kernel: int,
    stride: int = 1,
    pad: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Convolution, BatchNorm and SiLU; same padding if none is given."""
    pad = kernel // 2 if pad is None else pad
    return b.silu(b.conv(x, channels, kernel, stride=stride, pad=pad, norm=True, name=name))


def partial(b: GraphBuilder, x: Tensor, channels: int, depth: int, residual: bool = True) -> Tensor:
    """Half of the channels through bottlenecks, the other half past them."""
    inner = channels // 2
    y = conv(b, x, inner, 1, name="through")
    for number in range(depth):
        with b.scope(f"bottleneck{number}"):
            z = conv(b, conv(b, y, inner, 1, name="conv1"), inner, 3, name="conv2")
            y = b.add(y, z) if residual else z
    past = conv(b, x, inner, 1, name="past")
    return conv(b, b.concat([y, past], axis=1), channels, 1, name="join")


def pooling_pyramid(b: GraphBuilder, x: Tensor) -> Tensor:
    """Maxima over growing windows beside the image itself: poolings in a row, all kept."""
    channels = x.shape[1]
    with b.scope("pyramid"):
        parts = [conv(b, x, channels // 2, 1, name="enter")]
        for _ in range(3):
            parts.append(b.max_pool(parts[-1], kernel=POOL, stride=1, pad=POOL // 2))
        return conv(b, b.concat(parts, axis=1), channels, 1, name="leave")
