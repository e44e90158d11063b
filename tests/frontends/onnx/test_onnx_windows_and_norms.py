"""Imported windows, reductions and norms compute what the ONNX reference does."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_models import Case, kinds, node

X3 = {"x": (2, 5, 4)}


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"kernel_shape": [3, 3]}, 7),
        ({"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}, 7),
        ({"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}, 7),
        ({"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "VALID"}, 8),
        ({"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, 8),
        ({"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}, 7),
    ],
)
@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
def test_pools(op, options, size, tmp_path):
    Case([node(op, "x", **options)], {"x": (1, 2, size, size)}).check(tmp_path)


def test_padding_that_leans_to_the_front(tmp_path):
    # the reference's MaxPool gets the size of this one wrong, its AveragePool does not
    pool = {"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"}
    graph = Case([node("AveragePool", "x", **pool)], {"x": (1, 2, 7, 7)}).check(tmp_path)
    assert graph.op("y").attrs.pads == (1, 1, 0, 1)


def test_average_that_counts_its_padding(tmp_path):
    pool = node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    Case([pool]).check(tmp_path)


def test_pool_in_one_and_three_dimensions(tmp_path):
    Case([node("MaxPool", "x", kernel_shape=[3], strides=[2])], {"x": (1, 2, 9)}).check(tmp_path)
    pool = node("MaxPool", "x", kernel_shape=[1, 2, 2], strides=[1, 2, 2])
    assert kinds(Case([pool], {"x": (1, 2, 3, 4, 4)}).check(tmp_path)) == ["Pool3D"]


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pools(op, tmp_path):
    Case([node(op, "x")]).check(tmp_path)


@pytest.mark.parametrize(
    ("weight", "options"),
    [
        ((2, 4, 3, 3), {}),
        ((2, 4, 3, 2), {"strides": [2, 1], "pads": [1, 0, 1, 1]}),
        ((4, 2, 2, 2), {"group": 2, "dilations": [2, 2]}),
        ((4, 1, 3, 3), {"group": 4, "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ],
)
def test_convolutions(weight, options, tmp_path):
    random = np.random.default_rng(2)
    weights = {"w": random.normal(size=weight), "b": random.normal(size=weight[0])}
    Case([node("Conv", "x w b", **options)], weights=weights).check(tmp_path)


@pytest.mark.parametrize(
    ("op", "opset"),
    [
        (op, opset)
        for op in ("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceL1",
                   "ReduceL2", "ReduceLogSumExp", "ReduceSumSquare")
        for opset in (11, 18)
        if (op, opset) != ("ReduceSum", 11)
    ],
)  # fmt: skip
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reductions(op, opset, keepdims, tmp_path):
    if opset < 13:
        Case([node(op, "x", axes=[-1, 1], keepdims=keepdims)], opset=opset).check(tmp_path)
    else:
        reduce = node(op, "x axes", keepdims=keepdims)
        Case([reduce], weights={"axes": [-1, 1]}, opset=opset).check(tmp_path)


def test_reduction_over_everything_and_nothing(tmp_path):
    assert Case([node("ReduceSum", "x", keepdims=0)]).check(tmp_path).tensor("y").shape == ()
    nodes = [node("ReduceSum", "x", "s", noop_with_empty_axes=1), node("Relu", "s")]
    assert kinds(Case(nodes).check(tmp_path)) == ["Relu"]


def test_positions_and_running_sums(tmp_path):
    Case([node("ArgMax", "x", axis=1, keepdims=0)]).check(tmp_path)
    Case([node("ArgMin", "x", axis=-1)]).check(tmp_path)
    topk = node("TopK", "x k", "y i", axis=1, largest=0)
    Case([topk], weights={"k": [2]}, outputs=["y", "i"]).check(tmp_path)
    for options in ({}, {"exclusive": 1}, {"reverse": 1}, {"exclusive": 1, "reverse": 1}):
        Case([node("CumSum", "x a", **options)], weights={"a": 1}).check(tmp_path)


@pytest.mark.parametrize("opset", [11, 13])
@pytest.mark.parametrize("axis", [-1, 1, 2])
@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_softmax_of_old_and_new_opsets(op, axis, opset, tmp_path):
    case = Case([node(op, "x", axis=axis)], X3, opset=opset)
    if opset == 11 and axis == 1:  # the reference has only today's meaning
        graph = case.load(tmp_path)
        assert kinds(graph) == ["Reshape", "Softmax", "Reshape"]
        assert graph.tensor("y/flat").shape == (2, 20)
    else:
        assert kinds(case.check(tmp_path)) == ["Softmax"]


def test_norms(tmp_path):
    ones, twos = np.ones(4), np.full(4, 2.0)
    Case([node("InstanceNormalization", "x s b")], weights={"s": twos, "b": ones}).check(tmp_path)
    Case([node("LayerNormalization", "x s b")], X3, {"s": twos, "b": ones}).check(tmp_path)
    Case([node("LayerNormalization", "x s", axis=-1)], X3, {"s": twos}).check(tmp_path)
    both = {"s": np.full((5, 4), 2.0), "b": np.ones((5, 4))}
    Case([node("LayerNormalization", "x s b", axis=1)], X3, both).check(tmp_path)
    Case([node("LpNormalization", "x", axis=1, p=2)], X3).check(tmp_path)
