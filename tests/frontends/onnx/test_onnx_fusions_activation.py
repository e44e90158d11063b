"""Spelled-out activations become one op, near misses do not, and the numbers stay."""

from __future__ import annotations

from math import pi, sqrt

import pytest
from onnx_models import fused, kinds, node

GELU = [
    [node("Div", "x root", "a"), node("Erf", "a", "e0"), node("Add", "e0 one", "f"),
     node("Mul", "x f", "g"), node("Mul", "g half")],
    [node("Mul", "x inverse", "a"), node("Erf", "a", "e0"), node("Add", "one e0", "f"),
     node("Mul", "x half", "h"), node("Mul", "h f")],
    [node("Div", "x root", "a"), node("Erf", "a", "e0"), node("Add", "e0 one", "f"),
     node("Mul", "half f", "g"), node("Mul", "g x")],
]  # fmt: skip


@pytest.mark.parametrize("nodes", GELU)
def test_gelu(nodes, tmp_path):
    graph = fused(nodes, tmp_path, weights={"inverse": 1 / sqrt(2)})
    assert [(op.kind, op.attrs.mode) for op in graph] == [("Active", "gelu")]
    wrong = {"inverse": 1.0, "root": 1.0}
    assert len(fused(nodes, tmp_path, weights=wrong)) > 1


@pytest.mark.parametrize("half", [0.4, 1.0])
def test_a_product_with_erf_that_is_no_gelu_stays(half, tmp_path):
    assert "Active" in kinds(graph := fused(GELU[0], tmp_path, weights={"half": half}))
    assert len(graph) > 1


def tanh_gelu(cube):
    return [
        *cube,
        node("Mul", "c3 cubic", "k"),
        node("Add", "x k", "p"),
        node("Mul", "p scale", "q"),
        node("Tanh", "q", "t"),
        node("Add", "t one", "f"),
        node("Mul", "x half", "h"),
        node("Mul", "h f"),
    ]


TANH = {"cubic": 0.044715, "scale": sqrt(2 / pi)}


@pytest.mark.parametrize(
    "cube",
    [
        [node("Pow", "x third", "c3")],
        [node("Mul", "x x", "c2"), node("Mul", "c2 x", "c3")],
        [node("Pow", "x two", "c2"), node("Mul", "x c2", "c3")],
    ],
)
def test_tanh_gelu(cube, tmp_path):
    (op,) = fused(tanh_gelu(cube), tmp_path, weights=TANH)
    assert op.attrs.mode == "tanh_gelu"
    assert len(fused(tanh_gelu(cube), tmp_path, weights={**TANH, "cubic": 0.05})) > 1


def test_tanh_gelu_with_the_square_inside(tmp_path):
    nodes = [
        node("Mul", "x x", "s"),
        node("Mul", "s cubic", "c"),
        node("Add", "c one", "i"),
        node("Mul", "x scale", "xs"),
        node("Mul", "xs i", "q"),
        node("Tanh", "q", "t"),
        node("Add", "t one", "f"),
        node("Mul", "x half", "h"),
        node("Mul", "h f"),
    ]
    (op,) = fused(nodes, tmp_path, weights=TANH)
    assert op.attrs.mode == "tanh_gelu"


@pytest.mark.parametrize(
    ("nodes", "mode"),
    [
        ([node("Sigmoid", "x", "s"), node("Mul", "x s")], "silu"),
        ([node("Sigmoid", "x", "s"), node("Mul", "s x")], "silu"),
        ([node("Mul", "x q", "a"), node("Sigmoid", "a", "s"), node("Mul", "x s")], "quick_gelu"),
        ([node("Softplus", "x", "a"), node("Tanh", "a", "t"), node("Mul", "x t")], "mish"),
        ([node("Exp", "x", "a"), node("Add", "a one", "p"), node("Log", "p", "l"),
          node("Tanh", "l", "t"), node("Mul", "x t")], "mish"),
        ([node("HardSigmoid", "x", "s", alpha=1 / 6), node("Mul", "x s")], "hard_swish"),
        ([node("Add", "x third", "a"), node("Clip", "a zero six", "c"), node("Div", "c six", "d"),
          node("Mul", "x d")], "hard_swish"),
        ([node("Add", "x third", "a"), node("Clip", "a zero six", "c"), node("Mul", "x c", "d"),
          node("Div", "d six")], "hard_swish"),
        ([node("Add", "x third", "a"), node("Clip", "a zero six", "c"), node("Div", "c six")],
         "hard_sigmoid"),
    ],
)  # fmt: skip
def test_activations(nodes, mode, tmp_path):
    graph = fused(nodes, tmp_path, weights={"q": 1.702, "zero": 0.0, "six": 6.0})
    assert [op.attrs.mode for op in graph] == [mode]


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Sigmoid", "x", "s"), node("Mul", "x0 s")],
        [node("Mul", "x q", "a"), node("Sigmoid", "a", "s"), node("Mul", "x s")],
        [node("HardSigmoid", "x", "s"), node("Mul", "x s")],
        [node("Add", "x third", "a"), node("Clip", "a zero five", "c"), node("Div", "c six")],
        [node("Add", "x two", "a"), node("Clip", "a zero six", "c"), node("Div", "c six")],
    ],
)
def test_near_misses_of_activations_stay(nodes, tmp_path):
    inputs = {"x": (2, 3), "x0": (2, 3)}
    weights = {"q": 1.5, "zero": 0.0, "five": 5.0, "six": 6.0}
    assert len(fused(nodes, tmp_path, inputs, weights)) == len(nodes)


def test_a_gate_that_is_read_elsewhere_stays(tmp_path):
    nodes = [node("Sigmoid", "x", "s"), node("Mul", "x s"), node("Relu", "s", "z")]
    assert kinds(fused(nodes, tmp_path, outputs=["y", "z"])) == ["Active", "Mul", "Relu"]
    assert kinds(fused(nodes[:2], tmp_path, outputs=["y", "s"])) == ["Active", "Mul"]
