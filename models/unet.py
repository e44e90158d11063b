"""U-Net (Ronneberger et al. 2015) and 3-D U-Net (Çiçek et al. 2016), padded, BatchNorm folded.

The papers' convolutions shrink the image; here, as in most later code, they keep its size, so
that nothing has to be cropped. That does not change the parameters.
"""

from __future__ import annotations

from lgsim.errors import LgsimError
from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder

MODELS: dict[str, dict[str, object]] = {
    "unet": {},
    "unet512": {"channels": 32, "size": (512, 512)},
    "unet_3d": {"channels": 32, "levels": 4, "size": (64, 64, 64), "classes": 3, "volume": True},
}


def build(
    channels: int = 64,
    levels: int = 5,
    size: tuple[int, ...] = (256, 256),
    inputs: int = 3,
    classes: int = 2,
    batch: int = 1,
    volume: bool = False,
) -> Graph:
    """Build a U-Net.

    Parameters
    ----------
    channels : int
        Channels of the first convolution; they double with every level.
    levels : int
        Resolutions; each next one is half of the one before.
    size : tuple of int
        Pixels per direction, two for images and three for volumes.
    inputs : int
        Channels of the image.
    classes : int
        Channels of the result.
    batch : int
        Images per inference.
    volume : bool
        As in the paper on volumes: channels double in front of a pooling instead of behind it,
        and an upward convolution keeps them and has no bias.
    """
    if any(pixels % (1 << levels - 1) for pixels in size):
        raise LgsimError(f"size {size} cannot be halved {levels - 1} times")
    b = GraphBuilder("unet")
    x = b.input("input", (batch, inputs, *size))
    skipped: list[Tensor] = []
    for level in range(levels):
        width = channels << level
        with b.scope(f"down{level}"):
            if level:
                x = b.max_pool(x, kernel=2)
            x = two_convs(b, x, width, 2 * width if volume else width)
        skipped.append(x)
    for level in reversed(range(levels - 1)):
        skip = skipped[level]
        with b.scope(f"up{level}"):
            width = x.shape[1] if volume else skip.shape[1]
            x = b.deconv(x, width, kernel=2, stride=2, bias=not volume, name="deconv")
            x = two_convs(b, b.concat([x, skip], axis=1), skip.shape[1], skip.shape[1])
    b.output(b.conv(x, classes, kernel=1, name="head"))
    return b.build()


def two_convs(b: GraphBuilder, x: Tensor, first: int, second: int) -> Tensor:
    """Two convolutions over 3 pixels in each direction, with ReLU."""
    x = b.relu(b.conv(x, first, kernel=3, pad=1, norm=True, name="conv1"))
    return b.relu(b.conv(x, second, kernel=3, pad=1, norm=True, name="conv2"))
