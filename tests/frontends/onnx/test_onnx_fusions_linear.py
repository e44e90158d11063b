"""BatchNorm, biases and pads go into the linear op beside them where that is legal."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto
from onnx_models import Case, fused, kinds, node

from lgsim.frontends.onnx import import_onnx
from lgsim.graph.interpreter import evaluate

BN = ("gamma", "beta", "mean", "var")


def batch_norm(x, y="y"):
    return node("BatchNormalization", " ".join((x, *BN)), y)


def sample(*shape, seed=0):
    """Numbers between 0.5 and 1.5, all different: they may stand for a variance as well."""
    return np.random.default_rng((seed, *shape)).uniform(0.5, 1.5, shape)


def norm(channels=4):
    return {name: sample(channels, seed=seed) for seed, name in enumerate(BN)}


def check_with_batch_norm(nodes, tmp_path, channels=4, **shapes):
    weights = {name: sample(*shape, seed=9) for name, shape in shapes.items()}
    return Case(nodes, weights={**norm(channels), **weights}).check(tmp_path)


@pytest.mark.parametrize("bias", ["", " c"])
@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_batch_norm_goes_into_the_convolution(op, bias, tmp_path):
    nodes = [node(op, "x f" + bias, "z"), batch_norm("z")]
    graph = check_with_batch_norm(nodes, tmp_path, f=(4, 4, 2, 2), c=(4,))
    (only,) = graph
    assert only.kind in ("Conv2D", "Deconv")
    assert len(only.inputs) == 3
    assert graph.params() == 4 * 4 * 4 + 4


@pytest.mark.parametrize(("op", "f"), [("Conv", (6, 2, 2, 2)), ("ConvTranspose", (4, 3, 2, 2))])
def test_batch_norm_goes_into_a_convolution_in_groups(op, f, tmp_path):
    """Held against the convolution alone: ONNX's reference fails at transposed ones in groups."""
    weights = {**norm(6), "f": sample(*f, seed=9), "c": sample(6, seed=9)}
    alone = Case([node(op, "x f c", "z", group=2)], weights=weights, outputs=["z"])
    both = Case([*alone.nodes, batch_norm("z")], weights=weights)
    graph, samples = both.load(tmp_path), both.samples()
    assert len(graph) == 1
    z = evaluate(alone.load(tmp_path), samples)["z"]
    gamma, beta, mean, var = (weights[name].reshape(-1, 1, 1) for name in BN)
    wanted = (z - mean) * gamma / np.sqrt(var + 1e-5) + beta
    np.testing.assert_allclose(evaluate(graph, samples)["y"], wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bias", ["", " c"])
def test_batch_norm_goes_into_a_linear_layer(bias, tmp_path):
    nodes = [
        node("GlobalAveragePool", "x", "a"),
        node("Flatten", "a", "r"),
        node("MatMul" if not bias else "Gemm", "r f" + bias, "z"),
        batch_norm("z"),
    ]
    graph = check_with_batch_norm(nodes, tmp_path, channels=3, f=(4, 3), c=(3,))
    assert kinds(graph)[-1] == "MatMul"


def test_batch_norm_goes_into_a_linear_layer_whose_rows_are_flattened(tmp_path):
    """As LeViT has it; the Reshape stays, and may not take channels apart."""
    nodes = [node("MatMul", "x f", "z"), node("Reshape", "z rows", "r"), batch_norm("r")]
    weights = {**norm(), "f": sample(6, 4, seed=9), "rows": [24, 4]}
    case = Case(nodes, weights=weights)
    assert kinds(case.check(tmp_path)) == ["MatMul", "Reshape"]
    weights |= norm(8) | {"rows": [12, 8]}
    assert kinds(case.check(tmp_path)) == ["MatMul", "Reshape", "Scale"]


def test_weights_that_others_read_too_keep_their_values(tmp_path):
    nodes = [
        node("Conv", "x f beta", "p"),
        batch_norm("p", "q"),
        node("Conv", "q f beta", "r"),
        batch_norm("r", "s"),
        node("Conv", "s f beta"),
    ]
    graph = check_with_batch_norm(nodes, tmp_path, f=(4, 4, 1, 1))
    assert kinds(graph) == ["Conv2D"] * 3
    assert graph.params() == 3 * (16 + 4)


def test_values_that_are_not_known_make_the_folded_ones_unknown(tmp_path):
    nodes = [node("Conv", "x f c", "z"), batch_norm("z")]
    weights = {**norm(), "f": sample(4, 4, 2, 2), "c": sample(4)}
    proto = Case(nodes, weights=weights).proto()
    variance = next(tensor for tensor in proto.graph.initializer if tensor.name == "var")
    variance.ClearField("raw_data")
    variance.data_location = TensorProto.EXTERNAL
    variance.external_data.add(key="location", value="weights.bin")
    path = tmp_path / "case.onnx"
    path.write_bytes(proto.SerializeToString())
    (op,) = graph = import_onnx(path)
    assert [graph.tensor(name).data for name in op.inputs[1:]] == [None, None]
    assert graph.params() == 4 * 4 * 4 + 4


def test_only_the_bias_of_a_large_filter_has_values(tmp_path):
    nodes = [node("Conv", "x f c", "z"), batch_norm("z")]
    weights = {**norm(), "f": sample(4, 4, 3, 3), "c": sample(4)}
    (op,) = graph = Case(nodes, weights=weights).load(tmp_path)
    gamma, beta, mean, var = (weights[name] for name in BN)
    wanted = (weights["c"] - mean) * gamma / np.sqrt(var + 1e-5) + beta
    assert graph.tensor(op.inputs[1]).data is None
    np.testing.assert_allclose(graph.tensor(op.inputs[2]).data, wanted, rtol=1e-5)


@pytest.mark.parametrize("other", [[node("Relu", "z", "y2")], []])
def test_batch_norm_stays_where_it_cannot_go(other, tmp_path):
    first = node("Conv", "x f", "z") if other else node("Relu", "x", "z")
    case = Case([first, batch_norm("z"), *other], weights={"f": sample(4, 4, 1, 1), **norm()},
                outputs=["y", "y2"] if other else ["y"])  # fmt: skip
    assert "Scale" in kinds(case.check(tmp_path))


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_frozen_batch_norm_as_mul_and_add(op, tmp_path):
    nodes = [node(op, "x f", "z"), node("Mul", "z s", "t"), node("Add", "t b")]
    weights = {"f": sample(4, 4, 1, 1), "s": sample(1, 4, 1, 1), "b": sample(4, 1, 1)}
    assert len(Case(nodes, weights=weights).check(tmp_path)) == 1
    weights["s"] = sample(1, 1, 6, 6)
    assert kinds(Case(nodes, weights=weights).check(tmp_path))[1:] == ["Mul", "Add"]


def test_a_factor_per_channel_scales_the_bias_as_well(tmp_path):
    nodes = [node("Conv", "x f c", "z"), node("Mul", "s z")]
    weights = {"f": sample(4, 4, 1, 1), "c": sample(4), "s": sample(4, 1, 1)}
    assert kinds(Case(nodes, weights=weights).check(tmp_path)) == ["Conv2D"]


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
