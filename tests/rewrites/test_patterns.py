"""Patterns that few networks have, and their conditions."""

from __future__ import annotations

import numpy as np
import pytest
from networks import sequence_first

from lgsim.graph.builder import GraphBuilder
from lgsim.graph.core import Graph
from lgsim.graph.interpreter import evaluate, with_random_weights
from lgsim.rewrites import apply_rewrites


def rewritten(b: GraphBuilder, precision: str = "f16") -> tuple[Graph, dict[str, int]]:
    """The network after all rewrites, checked to compute the same."""
    before = with_random_weights(b.build())
    after = before.copy()
    counts = apply_rewrites(after, precision)
    generator = np.random.default_rng(2)
    inputs = {x: generator.standard_normal(before.tensor(x).shape) for x in before.inputs}
    for x, y in zip(
        evaluate(before, inputs).values(), evaluate(after, inputs).values(), strict=True
    ):
        np.testing.assert_allclose(y, x, rtol=1e-8, atol=1e-8)
    return after, counts


def test_channel_shuffle():
    b = GraphBuilder("net")
    x = b.input("x", (2, 6, 3, 4))
    y = b.permute(b.reshape(x, (2, 2, 3, 3, 4)), (0, 2, 1, 3, 4))
    b.output(b.reshape(y, (2, 6, 3, 4)))
    graph, _ = rewritten(b)
    assert graph.op_counts() == {"ShuffleChannel": 1}
    assert graph.ops[0].attrs.group == 2


def test_relu6_goes_into_convolutions_only():
    b = GraphBuilder("net")
    x = b.conv(b.input("x", (1, 4, 5, 5)), 8, kernel=3)
    b.output(b.relu(b.add(b.relu(x, limit=6.0), 1.0), limit=6.0))
    graph, _ = rewritten(b)
    assert [op.kind for op in graph] == ["Conv2D", "AddConst", "Relu"]
    assert graph.ops[0].attrs.relu
    assert graph.ops[0].attrs.relu_limit == 6.0


@pytest.mark.parametrize(("channels", "precision", "groups"), [
    (32, "f16", 1), (64, "f16", 64), (64, "int8", 1), (128, "int8", 128), (32, "f32", 32),
])  # fmt: skip
def test_grouped_convolution_by_channels(channels, precision, groups):
    b = GraphBuilder("net")
    b.output(b.conv(b.input("x", (1, channels, 4, 4)), channels, kernel=3, groups=channels))
    graph, _ = rewritten(b, precision)
    assert graph.ops[0].attrs.groups == groups


@pytest.mark.parametrize(("patch", "kind"), [(15, "Conv2D"), (16, "MatMul")])
def test_patch_embedding_by_stride(patch, kind):
    b = GraphBuilder("net")
    x = b.input("x", (1, 3, 2 * patch, 2 * patch))
    b.output(b.transpose(b.flatten(b.conv(x, 8, kernel=patch, stride=patch), 2), 1, 2))
    graph, _ = rewritten(b)
    assert graph.op_counts()[kind] == 1
    # The matmul's rows already are the patches, so no permute of the result is left.
    assert graph.op_counts()["Permute"] == 1


def mlp(batch: int, residual_of_norm: bool = False) -> GraphBuilder:
    b = GraphBuilder("net")
    x = b.layer_norm(b.input("x", (batch, 5, 8)))
    y = b.linear(b.gelu(b.linear(x, 16, name="fc1")), 8, name="fc2")
    b.output(b.add(y, x) if residual_of_norm else y)
    return b


@pytest.mark.parametrize(
    ("b", "precision", "times"),
    [
        (mlp(1), "f16", 1),
        (mlp(1), "bf16", 1),
        (mlp(1), "f32", 0),
        (mlp(1), "int8", 0),
        (mlp(2), "f16", 0),
        (mlp(1, residual_of_norm=True), "f16", 0),
    ],
)
def test_mlp_is_split_for_one_sample(b, precision, times):
    graph, counts = rewritten(b, precision)
    assert counts.get("mlp_split", 0) == times
    assert graph.op_counts()["MatMul"] == 2 + 2 * times


def test_mask_per_sample_stays_an_addition_of_its_own():
    b = GraphBuilder("net")
    x = b.add(b.input("x", (6, 2, 3, 3)), b.weight("bias", (1, 2, 3, 3)))
    y = b.add(b.reshape(x, (2, 3, 2, 3, 3)), b.weight("mask", (1, 3, 1, 3, 3)))
    b.output(b.reshape(y, (6, 2, 3, 3)))
    assert rewritten(b)[1]["add_weight_merge"] == 0
    b = GraphBuilder("net")
    x = b.add(b.input("x", (3, 2, 3, 3)), b.weight("bias", (1, 2, 3, 3)))
    y = b.add(b.reshape(x, (1, 3, 2, 3, 3)), b.weight("mask", (1, 3, 1, 3, 3)))
    b.output(b.reshape(y, (3, 2, 3, 3)))
    graph, counts = rewritten(b)
    assert counts["add_weight_merge"] == 1
    assert graph.op_counts() == {"Add": 1}


def test_weight_as_value_with_heads_outside():
    b = GraphBuilder("net")
    x = b.permute(b.input("x", (2, 5, 3, 4)), (0, 2, 1, 3))
    b.output(b.permute(b.matmul(x, b.weight("w", (2, 3, 4, 6))), (0, 2, 1, 3)))
    graph, _ = rewritten(b)
    assert graph.op_counts() == {"MatMul": 1}
    assert graph.ops[0].attrs.hdim_is_batch


def test_unknown_names_are_ignored_and_counts_name_what_ran():
    counts = apply_rewrites(mlp(1).build(), "f16", frozenset({"slice_5d", "mlp_split"}))
    assert "mlp_split" not in counts
    assert "hdim_is_batch" in counts
    assert "hdim_is_batch" not in apply_rewrites(mlp(1).build(), "f32")


def test_permute_of_five_dimensions():
    b = GraphBuilder("net")
    x = b.input("x", (4, 5, 3, 2, 8))
    b.output(b.permute(x, (2, 0, 3, 1, 4)), b.permute(b.relu(x), (0, 2, 1, 3, 4)))
    graph, counts = rewritten(b)
    assert counts["permute_split"] == 1
    orders = [op.attrs.order for op in graph if op.kind == "Permute"]
    assert orders == [(0, 2, 3, 1, 4), (1, 0, 2, 3, 4), (0, 2, 1, 3, 4)]


@pytest.mark.parametrize("order", [(2, 0, 4, 1, 3), (4, 3, 2, 1, 0)])
def test_permute_that_moves_the_last_dimension_stays(order):
    b = GraphBuilder("net")
    b.output(b.permute(b.input("x", (4, 5, 3, 2, 8)), order))
    assert rewritten(b)[0].op_counts() == {"Permute": 1}


def test_attention_with_the_sequence_in_front_looks_like_any_other():
    graph = sequence_first()
    apply_rewrites(graph, "int8")
    kinds = [type(op.attrs).__name__ for op in graph]
    assert "Permute" not in kinds
    assert "Slice" not in kinds
    rows = {graph.tensor(op.outputs[0]).shape[:2] for op in graph}
    assert rows == {(1, 5)}  # every op has its rows in the lanes
