"""BatchNorm, biases and pads go into the linear op beside them where that is legal."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_models import Case, fused, kinds, node

BN = ("gamma", "beta", "mean", "var")


def batch_norm(x, y="y"):
    return node("BatchNormalization", " ".join((x, *BN)), y)


def import_with_batch_norm(nodes, tmp_path, channels=4, **shapes):
    weights = {name: np.ones(channels) for name in BN}
    weights |= {name: np.ones(shape) for name, shape in shapes.items()}
    return Case(nodes, weights=weights).load(tmp_path)


@pytest.mark.parametrize("bias", ["", " c"])
@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_batch_norm_goes_into_the_convolution(op, bias, tmp_path):
    nodes = [node(op, "x f" + bias, "z"), batch_norm("z")]
    graph = import_with_batch_norm(nodes, tmp_path, f=(4, 4, 3, 3), c=(4,))
    (only,) = graph
    assert only.kind in ("Conv2D", "Deconv")
    assert len(only.inputs) == 3
    assert graph.params() == 4 * 4 * 9 + 4


def test_batch_norm_goes_into_a_linear_layer(tmp_path):
    nodes = [node("Flatten", "x", "r"), node("Gemm", "r f", "z", transB=1), batch_norm("z")]
    graph = import_with_batch_norm(nodes, tmp_path, f=(4, 144))
    assert kinds(graph) == ["Reshape", "MatMul"]


@pytest.mark.parametrize("other", [[node("Relu", "z", "y2")], []])
def test_batch_norm_stays_where_it_cannot_go(other, tmp_path):
    if other:
        nodes = [node("Conv", "x f", "z"), batch_norm("z"), *other]
    else:
        nodes = [node("Relu", "x", "z"), batch_norm("z")]
    case = Case(nodes, weights={"f": np.ones((4, 4, 1, 1)), **{n: np.ones(4) for n in BN}},
                outputs=["y", "y2"] if other else ["y"])  # fmt: skip
    assert "Scale" in kinds(case.load(tmp_path))


def test_frozen_batch_norm_as_mul_and_add(tmp_path):
    nodes = [node("Conv", "x f", "z"), node("Mul", "z s", "t"), node("Add", "t b")]
    weights = {"f": np.ones((4, 4, 1, 1)), "s": np.ones((1, 4, 1, 1)), "b": np.ones((4, 1, 1))}
    graph = Case(nodes, weights=weights).load(tmp_path)
    assert kinds(graph) == ["Conv2D"]
    weights["s"] = np.ones((1, 1, 6, 6))
    assert kinds(Case(nodes, weights=weights).load(tmp_path)) == ["Conv2D", "Mul", "Add"]


@pytest.mark.parametrize("shape", [(3,), (1, 3), (1, 1, 3)])
def test_bias_of_a_matmul(shape, tmp_path):
    nodes = [node("MatMul", "x f", "z"), node("Add", "c z")]
    graph = fused(nodes, tmp_path, weights={"f": np.ones((4, 3)), "c": np.ones(shape)})
    assert kinds(graph) == ["MatMul"]
    assert graph.tensor(graph.op("y").inputs[2]).shape == (3,)


@pytest.mark.parametrize("shape", [(5, 1), (5, 3), (2, 1, 3)])
def test_what_is_no_bias_of_a_matmul_stays(shape, tmp_path):
    nodes = [node("MatMul", "x f", "z"), node("Add", "c z")]
    graph = fused(nodes, tmp_path, weights={"f": np.ones((4, 3)), "c": np.ones(shape)})
    assert kinds(graph) == ["MatMul", "Add"]


def test_a_mask_after_a_product_of_activations_is_no_bias(tmp_path):
    nodes = [node("MatMul", "x x0", "z"), node("Add", "c z")]
    inputs = {"x": (2, 5, 4), "x0": (2, 4, 3)}
    assert kinds(fused(nodes, tmp_path, inputs, {"c": np.ones(3)})) == ["MatMul", "Add"]


@pytest.mark.parametrize("shape", [(3,), (1, 3)])
def test_gemm_is_a_matmul_with_bias(shape, tmp_path):
    gemm = node("Gemm", "x f c", transB=1)
    case = Case([gemm], {"x": (5, 4)}, {"f": np.ones((3, 4)), "c": np.ones(shape)})
    graph = case.load(tmp_path)
    (op,) = graph
    assert [graph.tensor(name).shape for name in op.inputs] == [(5, 4), (4, 3), (3,)]
    assert not op.attrs.right_transpose


PADS = [0, 0, 1, 2, 0, 0, 3, 0]
POOL = {"kernel_shape": [4, 3]}


def padded(op, tmp_path, pad="x p", first=(), weights=None, **options):
    source = "x f" if op == "Conv" else "x"
    nodes = [*first, node("Pad", pad, "z"), node(op, source.replace("x", "z", 1), **options)]
    given = {"p": PADS, "low": -np.inf, "f": np.ones((2, 4, 3, 3)), **(weights or {})}
    return Case(nodes, weights=given).check(tmp_path)


def test_pad_goes_into_a_convolution(tmp_path):
    (op,) = padded("Conv", tmp_path, pads=[1, 1, 1, 1])
    assert op.attrs.pads == (2, 3, 4, 1)


def test_pad_goes_into_a_pool(tmp_path):
    (op,) = padded("MaxPool", tmp_path, "x p low", **POOL)
    assert op.attrs.pads == (1, 2, 3, 0)
    (op,) = padded("AveragePool", tmp_path, **POOL)
    assert op.attrs.count_include_pad
    relu = [node("Relu", "x", "a")]
    assert kinds(padded("MaxPool", tmp_path, "a p", relu, **POOL)) == ["Relu", "Pool2D"]


def test_pads_that_must_stay(tmp_path):
    one = {"one": 1.0}
    channels = {"p": [0, 1, 0, 0, 0, 1, 0, 0], "f": np.ones((2, 6, 3, 3))}
    assert len(padded("Conv", tmp_path, "x p one", weights=one)) == 2
    assert len(padded("Conv", tmp_path, weights=channels)) == 2
    assert len(padded("MaxPool", tmp_path, **POOL)) == 2
    assert len(padded("MaxPool", tmp_path, "x p low", kernel_shape=[2, 2])) == 2
    assert len(padded("AveragePool", tmp_path, **POOL, pads=[1, 1, 1, 1])) == 2


def test_reflection_stays_a_pad(tmp_path):
    nodes = [node("Pad", "x p", "z", mode="reflect"), node("Conv", "z f")]
    weights = {"p": PADS, "f": np.ones((2, 4, 3, 3))}
    assert kinds(Case(nodes, weights=weights).check(tmp_path)) == ["Pad", "Conv2D"]
