"""Spelled-out normalisations become one op, near misses do not, and the numbers stay."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_models import fused, kinds, node


def layer_norm(axes="axes", square="Pow", affine=True, eps="e", duplicate=False):
    """PyTorch's LayerNorm before opset 17, with variations."""
    deviation = "d2" if duplicate else "d"
    nodes = [
        node("ReduceMean", f"x {axes}", "m"),
        node("Sub", "x m", "d"),
        *([node("Sub", "x m", "d2")] if duplicate else []),
        node("Pow", f"{deviation} two", "s") if square == "Pow" else
        node("Mul", f"{deviation} {deviation}", "s"),
        node("ReduceMean", f"s {axes}", "v"),
        node("Add", f"v {eps}", "ve"),
        node("Sqrt", "ve", "r"),
        node("Div", "d r", "n" if affine else "y"),
    ]  # fmt: skip
    return [*nodes, *((node("Mul", "n w", "nw"), node("Add", "b nw")) if affine else ())]


@pytest.mark.parametrize("options", [{}, {"square": "Mul"}, {"affine": False}, {"duplicate": True}])
def test_layer_norm(options, tmp_path):
    graph = fused(layer_norm(**options), tmp_path)
    assert kinds(graph) == ["LayerNorm"]
    (op,) = graph
    assert op.attrs.axis == 2
    assert op.attrs.eps == pytest.approx(1e-5)
    assert len(op.inputs) == (1 if options.get("affine") is False else 3)


def test_layer_norm_with_axes_as_attribute_and_a_broadcast_scale(tmp_path):
    nodes = layer_norm()
    for at in (0, 3):
        nodes[at] = node("ReduceMean", nodes[at].input[0], nodes[at].output[0], axes=[-1])
    graph = fused(nodes, tmp_path, weights={"w": np.ones((1, 1, 4))}, opset=13)
    assert kinds(graph) == ["LayerNorm"]
    assert graph.tensor(graph.op("y").inputs[1]).shape == (4,)


def test_layer_norm_over_two_dimensions(tmp_path):
    weights = {"axes": [1, 2], "w": np.ones((5, 4)), "b": np.ones((5, 4))}
    (op,) = fused(layer_norm(), tmp_path, weights=weights)
    assert (op.kind, op.attrs.axis) == ("LayerNorm", 1)


def test_layer_norm_with_a_reciprocal_or_a_power(tmp_path):
    nodes = layer_norm()[:-3]
    inverse = [node("Reciprocal", "r", "i"), node("Mul", "i d")]
    assert kinds(fused([*nodes, *inverse], tmp_path)) == ["LayerNorm"]
    nodes[-1] = node("Pow", "ve minus_half", "i")
    power = [*nodes, node("Mul", "d i")]
    assert kinds(fused(power, tmp_path, weights={"minus_half": -0.5})) == ["LayerNorm"]


@pytest.mark.parametrize(
    "weights",
    [
        {"axes": [1], "w": 1.5, "b": 0.5},  # over channels: not the last dimensions
        {"two": 4.0},  # no variance
    ],
)
def test_what_is_no_layer_norm_stays(weights, tmp_path):
    graph = fused(layer_norm(), tmp_path, {"x": (2, 4, 4)}, weights)
    assert "LayerNorm" not in kinds(graph)
    assert "RMSNorm" not in kinds(graph)


def test_a_layer_norm_whose_deviation_is_read_elsewhere_stays(tmp_path):
    nodes = [*layer_norm(), node("Relu", "d", "z")]
    graph = fused(nodes, tmp_path, outputs=["y", "z"])
    assert "LayerNorm" not in kinds(graph)


def test_different_axes_of_mean_and_variance_stay(tmp_path):
    nodes = layer_norm(affine=False)
    nodes[3] = node("ReduceMean", "s other", "v")
    assert "LayerNorm" not in kinds(fused(nodes, tmp_path, weights={"other": [1]}))


def test_a_scale_that_is_no_weight_of_the_norm_stays(tmp_path):
    graph = fused(layer_norm(), tmp_path, weights={"w": np.ones((5, 4))})
    assert kinds(graph) == ["LayerNorm", "Mul", "Add"]


@pytest.mark.parametrize("spelling", ["div", "reciprocal", "rsqrt"])
def test_rms_norm(spelling, tmp_path):
    nodes = [
        node("Pow", "x two", "s"),
        node("ReduceMean", "s axes", "v"),
        node("Add", "v e", "ve"),
        node("Sqrt", "ve", "r"),
    ]
    if spelling == "div":
        nodes += [node("Div", "x r", "n")]
    elif spelling == "reciprocal":
        nodes += [node("Div", "one r", "i"), node("Mul", "x i", "n")]
    else:
        nodes[-1] = node("Pow", "ve minus_half", "i")
        nodes += [node("Mul", "x i", "n")]
    nodes += [node("Mul", "w n")]
    graph = fused(nodes, tmp_path, weights={"minus_half": -0.5})
    assert kinds(graph) == ["RMSNorm"]
    assert "RMSNorm" not in kinds(
        fused(nodes, tmp_path, weights={"minus_half": -0.5, "axes": [0], "w": np.ones(4)})
    )


def test_group_norm_as_pytorch_spells_it(tmp_path):
    nodes = [
        node("Reshape", "x groups", "g"),
        node("InstanceNormalization", "g s0 b0", "i"),
        node("Shape", "x", "shape"),
        node("Reshape", "i shape", "n"),
        node("Mul", "n cw", "nw"),
        node("Add", "nw cb"),
    ]
    weights = {
        "groups": [0, 2, -1],
        "s0": np.ones(2),
        "b0": np.zeros(2),
        "cw": np.full((4, 1, 1), 2.0),
        "cb": np.ones((4, 1, 1)),
    }
    graph = fused(nodes, tmp_path, {"x": (2, 4, 3, 3)}, weights)
    assert kinds(graph) == ["GroupNorm"]
    (op,) = graph
    assert op.attrs.groups == 2
    assert [graph.tensor(name).shape for name in op.inputs] == [(2, 4, 3, 3), (4,), (4,)]
    unusual = fused(nodes, tmp_path, {"x": (2, 4, 3, 3)}, {**weights, "s0": np.array([1.0, 2.0])})
    assert "GroupNorm" not in kinds(unusual)
