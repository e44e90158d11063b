"""Small networks with every pattern the rewrites know, with values for all weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lgsim.frontends.script import load_script
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.core import Graph
from lgsim.graph.dtypes import DType
from lgsim.graph.interpreter import evaluate, with_random_weights

MODELS = Path(__file__).resolve().parents[2] / "models"


def swin(batch: int = 1) -> Graph:
    """Two stages: shifted windows of 2 x 2, then a single window."""
    build = load_script(MODELS / "swin.py").build
    return build(
        dim=8, depths=(2, 2), heads=(2, 4), window=2, image=8, patch=2, classes=5, batch=batch
    )


def vit(batch: int = 1) -> Graph:
    """Two blocks on patches of 16 x 16, which the chip's convolutions cannot stride over."""
    build = load_script(MODELS / "deit.py").build
    return build(dim=12, heads=3, depth=2, image=32, patch=16, classes=5, batch=batch)


def bert() -> Graph:
    """Two layers with separate projections and a mask."""
    build = load_script(MODELS / "bert.py").build
    return build(dim=12, heads=3, depth=2, ffn=24, sequence=5, batch=2)


def efficient_vit() -> Graph:
    """A block of cascaded group attention, with depthwise convolutions and a scaled query."""
    b = GraphBuilder("efficient_vit_block")
    x = b.input("input", (2, 8, 4, 4))
    x = b.relu(b.conv(x, 16, kernel=3, stride=1, pad=1))
    x = b.add(x, b.conv(x, 16, kernel=3, pad=1, groups=16))
    outputs = []
    for head, part in enumerate(b.split(x, 2, axis=1)):
        y = part if head == 0 else b.add(outputs[-1], part)
        q, k, v = b.split(b.conv(y, 16, kernel=1), (4, 4, 8), axis=1)
        q = b.conv(q, 4, kernel=3, pad=1, groups=4)
        q, k, v = (b.reshape(t, (2, -1, 16)) for t in (q, k, v))
        scores = b.matmul(b.transpose(b.mul(q, 0.5), 1, 2), k)
        scores = b.softmax(b.add(scores, b.weight(f"bias{head}", (16, 16))))
        y = b.matmul(v, b.transpose(scores, 1, 2))
        outputs.append(b.reshape(y, (2, 8, 4, 4)))
    x = b.add(x, b.conv(b.relu(b.concat(outputs, axis=1)), 16, kernel=1))
    gate = b.reduce(x, "mean", (2, 3), keepdims=True)
    x = b.mul(x, b.sigmoid(b.conv(gate, 16, kernel=1)))
    b.output(b.relu(b.linear(b.reduce(x, "mean", (2, 3), keepdims=False), 5)))
    return b.build()


NETWORKS = {
    "swin": swin,
    "swin_batch": lambda: swin(batch=2),
    "vit": vit,
    "vit_batch": lambda: vit(batch=2),
    "bert": bert,
    "efficient_vit": efficient_vit,
}


def random_inputs(graph: Graph, seed: int = 1) -> dict[str, np.ndarray]:
    """Normally distributed inputs."""
    generator = np.random.default_rng(seed)
    return {
        name: generator.standard_normal(graph.tensor(name).shape)
        if graph.tensor(name).dtype is DType.F32
        else generator.integers(0, 3, graph.tensor(name).shape)
        for name in graph.inputs
    }


def assert_same_results(before: Graph, after: Graph) -> None:
    """Check that two graphs with values compute the same outputs, up to rounding."""
    inputs = random_inputs(before)
    expected, found = evaluate(before, inputs), evaluate(after, inputs)
    for a, b in zip(expected.values(), found.values(), strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(b, a, rtol=1e-8, atol=1e-8)


def ready(name: str) -> Graph:
    """A network of `NETWORKS` whose weights have values."""
    return with_random_weights(NETWORKS[name]())
