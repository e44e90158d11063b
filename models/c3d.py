"""C3D (Tran et al. 2015): 3-D convolutions over clips of video."""

from __future__ import annotations

from lgsim.graph import Graph
from lgsim.graph.builder import GraphBuilder

MODELS: dict[str, dict[str, object]] = {
    "c3d": {},
    "c3d_487": {"features": (1024,), "classes": 487},
}

# Channels of the convolutions between two poolings.
STAGES = ((64,), (128,), (256, 256), (512, 512), (512, 512))


def build(
    features: tuple[int, ...] = (4096, 4096),
    classes: int = 101,
    frames: int = 16,
    image: int = 112,
    batch: int = 1,
) -> Graph:
    """Build a C3D.

    Parameters
    ----------
    features : tuple of int
        Outputs of the dense layers in front of the classifier.
    classes : int
        Outputs of the classifier.
    frames : int
        Images of a clip.
    image : int
        Side of the square images in pixels.
    batch : int
        Clips per inference.
    """
    b = GraphBuilder("c3d")
    x = b.input("input", (batch, 3, frames, image, image))
    for stage, channels in enumerate(STAGES):
        for number, count in enumerate(channels):
            x = b.relu(b.conv(x, count, kernel=3, pad=1, name=f"conv{stage + 1}.{number}"))
        # The first pooling keeps all frames; the last one keeps the odd row and column.
        window = (2, 2, 2) if stage else (1, 2, 2)
        pad = (0, 1, 1) if stage == len(STAGES) - 1 else 0
        x = b.max_pool(x, kernel=window, pad=pad)
    x = b.flatten(x)
    for number, count in enumerate(features):
        x = b.relu(b.linear(x, count, name=f"fc{number + 6}"))
    b.output(b.linear(x, classes, name="classifier"))
    return b.build()
