"""Small networks with every pattern the rewrites know, with values for all weights."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from lgsim.frontends.script import load_script
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.core import Graph, Tensor
from lgsim.graph.dtypes import DType
from lgsim.graph.interpreter import evaluate, with_random_weights

MODELS = Path(__file__).resolve().parents[2] / "models"


def swin(batch: int = 1) -> Graph:
    """Two stages: shifted windows of 2 x 2, then a single window."""
    build = load_script(MODELS / "swin.py").build
    return build(
        dim=8, depths=(2, 2), heads=(2, 4), window=2, image=8, patch=2, classes=5, batch=batch
    )


def swin_odd() -> Graph:
    """One stage of windows of 3 x 3 with three heads, the second block shifted."""
    build = load_script(MODELS / "swin.py").build
    return build(dim=6, depths=(2,), heads=(3,), window=3, image=12, patch=2, classes=5)


def vit(batch: int = 1) -> Graph:
    """Two blocks on patches of 16 x 16, which the chip's convolutions cannot stride over."""
    build = load_script(MODELS / "deit.py").build
    return build(dim=12, heads=3, depth=2, image=32, patch=16, classes=5, batch=batch)


def bert() -> Graph:
    """Two layers with separate projections and a mask."""
    build = load_script(MODELS / "bert.py").build
    return build(dim=12, heads=3, depth=2, ffn=24, sequence=5, batch=2)


def efficient_vit(window: int = 4) -> Graph:
    """A block of cascaded group attention, with depthwise convolutions and a squeeze-excitation."""
    b = GraphBuilder("efficient_vit_block")
    x = b.input("input", (2, 8, 4, 4))
    x = b.relu(b.conv(x, 16, kernel=3, stride=1, pad=1))
    x = b.add(x, b.conv(x, 16, kernel=3, pad=1, groups=16))
    if window < 4:
        y = cascade(b, swap_windows(b, b.permute(x, (0, 2, 3, 1)), window))
        y = b.permute(y, (0, 2, 3, 1))
        y = b.reshape(y, (2, 4 // window, 4 // window, window, window, 16))
        y = b.reshape(b.permute(y, (0, 1, 3, 2, 4, 5)), (2, 4, 4, 16))
        x = b.add(x, b.permute(y, (0, 3, 1, 2)))
    else:
        x = b.add(x, cascade(b, x))
    gate = b.reduce(x, "mean", (2, 3), keepdims=True)
    x = b.mul(x, b.sigmoid(b.conv(gate, 16, kernel=1)))
    b.output(b.relu(b.linear(b.reduce(x, "mean", (2, 3), keepdims=False), 5)))
    return b.build()


def swap_windows(b: GraphBuilder, x: Tensor, window: int) -> Tensor:
    """(B, H, W, C) to (windows, C, window, window)."""
    batch, height, width, dim = x.shape
    x = b.reshape(x, (batch, height // window, window, width // window, window, dim))
    x = b.reshape(b.permute(x, (0, 1, 3, 2, 4, 5)), (-1, window, window, dim))
    return b.permute(x, (0, 3, 1, 2))


def cascade(b: GraphBuilder, x: Tensor) -> Tensor:
    """Two heads of attention, one after the other, on the halves of the channels."""
    count, _, height, width = x.shape
    tokens = height * width
    outputs: list[Tensor] = []
    for head, part in enumerate(b.split(x, 2, axis=1)):
        y = part if head == 0 else b.add(outputs[-1], part)
        q, k, v = b.split(b.conv(y, 16, kernel=1), (4, 4, 8), axis=1)
        q = b.conv(q, 4, kernel=3, pad=1, groups=4)
        q, k, v = (b.reshape(t, (count, -1, tokens)) for t in (q, k, v))
        scores = b.matmul(b.transpose(b.mul(q, 0.5), 1, 2), k)
        scores = b.softmax(b.add(scores, b.weight(f"bias{head}", (tokens, tokens))))
        y = b.matmul(v, b.transpose(scores, 1, 2))
        outputs.append(b.reshape(y, (count, 8, height, width)))
    return b.conv(b.relu(b.concat(outputs, axis=1)), 16, kernel=1)


def shuffle_net() -> Graph:
    """A unit of ShuffleNet: grouped convolutions with the channels shuffled in between."""
    b = GraphBuilder("shuffle_net_unit")
    x = b.input("input", (2, 8, 4, 4))
    y = b.relu(b.conv(x, 8, kernel=1, groups=2))
    y = b.permute(b.reshape(y, (2, 2, 4, 4, 4)), (0, 2, 1, 3, 4))
    y = b.conv(b.reshape(y, x.shape), 8, kernel=3, pad=1, groups=8)
    b.output(b.relu(b.add(x, b.conv(y, 8, kernel=1, groups=2)), limit=6.0))
    return b.build()


def five_dims() -> Graph:
    """A permute that takes two moves."""
    b = GraphBuilder("five_dims")
    x = b.reshape(b.input("x", (4, 5, 48)), (4, 5, 3, 2, 8))
    b.output(b.relu(b.permute(x, (2, 0, 3, 1, 4))))
    return b.build()


def sequence_first(batch: int = 1) -> Graph:
    """A layer of ``torch.nn.MultiheadAttention`` as it is exported: the sequence comes first."""
    b = GraphBuilder("sequence_first")
    tokens, heads, dim = 5, 3, 4
    x = b.permute(b.input("x", (batch, tokens, heads * dim)), (1, 0, 2))
    y = b.reshape(b.linear(x, 3 * heads * dim), (1, tokens, batch, 3, heads * dim))
    y = b.squeeze(b.permute(y, (3, 1, 2, 0, 4)), 3)
    parts = [b.reshape(b.select(y, 0, index), (tokens, batch * heads, dim)) for index in range(3)]
    shape = (batch, heads, tokens, dim)
    q, k, v = (b.reshape(b.permute(part, (1, 0, 2)), shape) for part in parts)
    y = b.matmul(b.softmax(b.matmul(b.mul(q, 0.5), b.transpose(k, -2, -1)), axis=-1), v)
    y = b.reshape(b.permute(y, (2, 0, 1, 3)), (tokens * batch, heads * dim))
    y = b.reshape(b.linear(y, heads * dim), (tokens, batch, heads * dim))
    x = b.layer_norm(b.add(x, y))
    x = b.add(x, b.linear(b.relu(b.linear(x, 20)), heads * dim))
    b.output(b.permute(x, (1, 0, 2)))
    return b.build()


NETWORKS = {
    "five_dims": five_dims,
    "swin": swin,
    "swin_batch": lambda: swin(batch=2),
    "swin_odd": swin_odd,
    "vit": vit,
    "vit_batch": lambda: vit(batch=2),
    "bert": bert,
    "sequence_first": sequence_first,
    "sequence_first_batch": lambda: sequence_first(batch=2),
    "shuffle_net": shuffle_net,
    "efficient_vit": efficient_vit,
    "efficient_vit_windows": lambda: efficient_vit(window=2),
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
    assert_results(results(before), after)


def results(graph: Graph) -> list[np.ndarray]:
    """What a graph computes of random inputs."""
    return list(evaluate(graph, random_inputs(graph)).values())


def assert_results(expected: list[np.ndarray], graph: Graph) -> None:
    """Check that a graph computes these outputs of random inputs, up to rounding."""
    for a, b in zip(expected, results(graph), strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(b, a, rtol=1e-8, atol=1e-8)


@cache
def ready(name: str) -> Graph:
    """A network of `NETWORKS` whose weights have values; not to be changed."""
    return with_random_weights(NETWORKS[name]())


@cache
def expected_results(name: str) -> list[np.ndarray]:
    """What a network of `NETWORKS` computes before it is rewritten."""
    return results(ready(name))
