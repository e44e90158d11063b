"""Random small networks for properties of strategies."""

from __future__ import annotations

from hypothesis import strategies as st

from lgsim.graph import Graph
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.core import Tensor
from lgsim.graph.dtypes import DType

MOST_OPS = 8

_IMAGE_OPS = ["conv", "conv", "wide", "pool", "relu", "gelu", "add", "concat"]
_TOKEN_OPS = ["linear", "linear", "norm", "softmax", "gelu", "add", "scale"]


@st.composite
def image_networks(draw: st.DrawFn) -> Graph:
    """Convolutions, pooling, sums, concatenations and activations, with skips."""
    b = GraphBuilder("images", dtype=DType.F16)
    channels = draw(st.sampled_from([16, 64, 160]))
    size = draw(st.sampled_from([14, 40, 96]))
    x = b.input("x", (draw(st.sampled_from([1, 4])), channels, size, size))
    made: list[Tensor] = [x]
    for _ in range(draw(st.integers(2, MOST_OPS))):
        made.append(_image_op(draw, b, made))
    b.output(made[-1])
    graph = b.build()
    graph.prune()
    return graph


def _image_op(draw: st.DrawFn, b: GraphBuilder, made: list[Tensor]) -> Tensor:
    x = draw(st.sampled_from(made[-2:]))
    alike = [other for other in made if other.shape == x.shape]
    kind = draw(st.sampled_from(_IMAGE_OPS))
    if kind == "conv":
        return b.conv(x, x.shape[1], kernel=3, pad=1)
    if kind == "wide":
        return b.conv(x, 64 * draw(st.integers(1, 12)), kernel=1)
    if kind == "pool" and x.shape[2] > 3:
        return b.max_pool(x, kernel=3, stride=draw(st.sampled_from([1, 2])), pad=1)
    if kind == "add":
        return b.add(x, draw(st.sampled_from(alike)))
    if kind == "concat":
        return b.concat([x, draw(st.sampled_from(alike))], axis=1)
    return b.relu(x) if kind == "relu" else b.gelu(x)


@st.composite
def token_networks(draw: st.DrawFn) -> Graph:
    """Matrix products, norms and activations of tokens, with skips."""
    b = GraphBuilder("tokens", dtype=DType.F16)
    width = draw(st.sampled_from([64, 384, 1024]))
    rows = draw(st.sampled_from([16, 197, 512]))
    x = b.input("x", (draw(st.sampled_from([1, 4])), rows, width))
    made: list[Tensor] = [x]
    for _ in range(draw(st.integers(2, MOST_OPS))):
        made.append(_token_op(draw, b, made))
    b.output(made[-1])
    graph = b.build()
    graph.prune()
    return graph


def _token_op(draw: st.DrawFn, b: GraphBuilder, made: list[Tensor]) -> Tensor:
    x = draw(st.sampled_from(made[-2:]))
    kind = draw(st.sampled_from(_TOKEN_OPS))
    if kind == "linear":
        return b.linear(x, draw(st.sampled_from([64, 384, 1536])))
    if kind == "norm":
        return b.layer_norm(x)
    if kind == "softmax":
        return b.softmax(x)
    if kind == "add":
        return b.add(x, draw(st.sampled_from([other for other in made if other.shape == x.shape])))
    return b.gelu(x) if kind == "gelu" else b.mul(x, 0.5)


def networks() -> st.SearchStrategy[Graph]:
    """Either kind."""
    return st.one_of(image_networks(), token_networks())
