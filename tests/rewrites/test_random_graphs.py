"""Rewrites change no result on random graphs of the ops that they match."""

from __future__ import annotations

from itertools import permutations
from math import prod

from hypothesis import given, settings
from hypothesis import strategies as st
from networks import assert_same_results

from lgsim.graph.builder import GraphBuilder
from lgsim.graph.core import Graph, Tensor
from lgsim.graph.interpreter import with_random_weights
from lgsim.rewrites import PRECISIONS, REWRITES, apply_rewrites

NAMES = tuple(rewrite.name for rewrite in REWRITES)


class Grower:
    """Adds one random op at a time to the most recent tensors of a graph."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.b = GraphBuilder("random")
        sizes = st.integers(1, 3)
        rank = self.pick([3, 4])
        self.tensors = [self.b.input("input", [draw(sizes) for _ in range(rank)])]

    def pick(self, choices: list) -> object:
        return self.draw(st.sampled_from(choices))

    def latest(self) -> Tensor:
        return self.pick(self.tensors[-2:])

    def step(self) -> None:
        kinds = [self.permute, self.reshape, self.scale, self.bias, self.activate, self.roll,
                 self.combine, self.product, self.linear, self.heads, self.convolve]  # fmt: skip
        self.tensors.append(self.pick(kinds)(self.latest()))

    def permute(self, x: Tensor) -> Tensor:
        return self.b.permute(x, self.pick(list(permutations(range(len(x.shape))))))

    def reshape(self, x: Tensor) -> Tensor:
        shapes = [x.shape[::-1], (1, *x.shape), (-1, *x.shape[2:]), x.shape, (*x.shape[:-1], -1)]
        shape = self.pick([shape for shape in shapes if 3 <= len(shape) <= 5] or [x.shape])
        return self.b.reshape(x, shape)

    def scale(self, x: Tensor) -> Tensor:
        return self.b.mul(x, self.pick([0.5, -2.0]))

    def bias(self, x: Tensor) -> Tensor:
        shape = [self.pick([1, size]) for size in x.shape]
        return self.b.add(x, self.b.weight(f"bias{len(self.tensors)}", shape))

    def activate(self, x: Tensor) -> Tensor:
        kind = self.pick(["relu", "gelu", "softmax"])
        if kind == "softmax":
            return self.b.softmax(x, axis=self.pick(list(range(len(x.shape)))))
        return self.b.relu(x) if kind == "relu" else self.b.gelu(x)

    def roll(self, x: Tensor) -> Tensor:
        axis = self.pick(list(range(len(x.shape))))
        return self.b.roll(x, 1, axis) if x.shape[axis] > 1 else x

    def combine(self, x: Tensor) -> Tensor:
        same = [y for y in self.tensors if y.shape == x.shape]
        return self.b.add(x, self.pick(same))

    def product(self, x: Tensor) -> Tensor:
        return self.b.matmul(x, self.b.transpose(x, -2, -1))

    def linear(self, x: Tensor) -> Tensor:
        return self.b.linear(x, self.pick([2, 4]), name=f"linear{len(self.tensors)}")

    def heads(self, x: Tensor) -> Tensor:
        """Queries, keys and values from one projection, permuted and selected at random."""
        if len(x.shape) != 3:
            return x
        b = self.b
        batch, tokens, _ = x.shape
        y = b.reshape(b.linear(x, 12, name=f"qkv{len(self.tensors)}"), (batch, tokens, 3, 2, 2))
        order = self.pick([(2, 0, 3, 1, 4), (2, 0, 1, 3, 4), (0, 2, 3, 1, 4), (3, 2, 0, 1, 4)])
        y = b.permute(y, order)
        q, k, v = (b.select(y, axis=order.index(2), index=i) for i in range(3))
        scores = b.softmax(b.matmul(b.mul(q, 0.5), b.transpose(k, -2, -1)))
        y = b.matmul(scores, v)
        return b.permute(y, self.pick([(0, 2, 1, 3), (0, 1, 2, 3)]))

    def convolve(self, x: Tensor) -> Tensor:
        if len(x.shape) != 4:
            return x
        groups = self.pick([1, x.shape[1]])
        name = f"conv{len(self.tensors)}"
        return self.b.conv(x, 2 * x.shape[1], kernel=1, groups=groups, name=name)

    def finish(self) -> Graph:
        picked = (self.pick(self.tensors[1:]), self.tensors[-1])
        outputs = {t.name: t for t in picked if t.name != self.tensors[0].name}
        self.b.output(*(outputs.values() or [self.tensors[1]]))
        return with_random_weights(self.b.build())


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Up to ten ops; no tensor grows beyond a few hundred elements."""
    grower = Grower(draw)
    grower.tensors.append(grower.scale(grower.tensors[0]))
    for _ in range(draw(st.integers(1, 9))):
        if prod(grower.tensors[-1].shape) > 400:
            break
        grower.step()
    return grower.finish()


@settings(max_examples=150, deadline=None)
@given(graphs(), st.sampled_from(PRECISIONS), st.sets(st.sampled_from(NAMES), max_size=4))
def test_random_graphs(graph, precision, disabled):
    rewritten = graph.copy()
    apply_rewrites(rewritten, precision, frozenset(disabled))
    assert_same_results(graph, rewritten)


@settings(max_examples=80, deadline=None)
@given(graphs(), st.sampled_from(NAMES))
def test_random_graphs_one_rewrite(graph, name):
    rewritten = graph.copy()
    apply_rewrites(rewritten, "f16", frozenset(NAMES) - {name})
    assert_same_results(graph, rewritten)
