"""IRPE in DeiT: the graph computes what the paper says, in both forms, at the published cost."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest

from lgsim.frontends import load_model
from lgsim.frontends.script import load_script
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.interpreter import evaluate, with_random_weights
from lgsim.resources import models_dir

SIDE, HEADS, SIZE = 5, 2, 4
LENGTH = SIDE * SIDE + 1


@pytest.fixture(scope="module")
def deit() -> ModuleType:
    return load_script(models_dir() / "deit.py")


def bucket(row: int, column: int, ratio: float = 1.9) -> int:
    """The paper's product of two piecewise indices, from its formula."""

    def piecewise(distance: int) -> int:
        a, b, c = ratio, 2 * ratio, 8 * ratio
        if abs(distance) <= a:
            return distance
        index = a + math.log(abs(distance) / a) / math.log(c / a) * (b - a)
        return int(math.copysign(int(min(b, round(index))), distance))

    return (piecewise(row) + 3) * 7 + piecewise(column) + 3


@pytest.mark.parametrize("side", [1, 4, 14])
def test_buckets(deit, side):
    table = deit.bucket_table(side, True)
    assert table.shape == (side * side + 1,) * 2
    assert set(table[0]) == set(table[:, 0]) == {49}
    places = [divmod(token, side) for token in range(side * side)]
    wanted = [[bucket(p[0] - q[0], p[1] - q[1]) for q in places] for p in places]
    np.testing.assert_array_equal(table[1:, 1:], wanted)
    np.testing.assert_array_equal(deit.bucket_table(side, False), wanted)
    if side == 14:
        assert set(table.ravel()) == set(range(50))


@pytest.mark.parametrize("form", ["gather", "bucket"])
@pytest.mark.parametrize("terms", ["k", "q", "v", "qk", "qkv"])
def test_attention_with_relative_position(deit, terms, form):
    b = GraphBuilder("attention")
    q, k, v = (b.input(name, (2, HEADS, LENGTH, SIZE)) for name in "qkv")
    encoding = deit.RelativePosition(b, terms, form, SIDE, True)
    b.output(encoding.attend(q, k, v))
    graph = with_random_weights(b.build())
    table = deit.bucket_table(SIDE, True)
    if "v" in terms:
        vectors = np.random.default_rng(1).normal(size=(50, SIZE))
        if form == "gather":
            graph.set_data("rpe_v/table", vectors[table])
        else:
            graph.set_data("rpe_v/buckets.weight", vectors)
    generator = np.random.default_rng(0)
    values = {name: generator.normal(size=(2, HEADS, LENGTH, SIZE)) for name in "qkv"}
    (found,) = evaluate(graph, values).values()

    scores = np.einsum("bhid,bhjd->bhij", values["q"], values["k"])
    if "k" in terms:
        scores += np.einsum("bhid,dij->bhij", values["q"], weight(graph, "rpe_k")[:, table])
    if "q" in terms:
        keys = values["k"] * SIZE**-0.5
        scores += np.einsum("bhjd,dji->bhij", keys, weight(graph, "rpe_q")[:, table])
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    wanted = np.einsum("bhij,bhjd->bhid", weights, values["v"])
    if "v" in terms:
        wanted += np.einsum("bhij,ijd->bhid", weights, vectors[table])
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def weight(graph, scope):
    return graph.tensor(f"{scope}/lookup.weight").data


def test_published_costs():
    """MACs each table adds to DeiT-S, in M; the papers also count the additions to the scores."""
    macs = {
        rpe: load_model("deit_small", args={"rpe": rpe}).macs() / 1e6
        for rpe in ("none", "bias", "q", "k", "qk", "qkv")
    }
    added = 12 * 6 * 197 * 197 / 1e6
    assert macs["bias"] == macs["none"]
    assert round(macs["k"] - macs["none"] + added) == 48
    assert round(macs["q"] - macs["none"] + added) == 48
    assert round(macs["qk"] - macs["none"] + 2 * added) == 96
    assert round(macs["qkv"] - macs["qk"]) == 179


@pytest.mark.parametrize("pool", [1, 2])
def test_pooled_attention_without_class_token(pool):
    args = {"image": 128, "depth": 1, "class_token": False, "pool": pool, "rpe": "k"}
    graph = load_model("deit_tiny", args=args)
    (scores,) = (op for op in graph if op.name.endswith("attn/qk"))
    tokens = 64 // pool**2
    assert graph.tensor(scores.outputs[0]).shape == (1, 3, tokens, tokens)
    assert graph.tensor(graph.outputs[0]).shape == (1, 1000)
