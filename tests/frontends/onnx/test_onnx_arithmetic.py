"""Imported arithmetic and matrix products compute what the ONNX reference does."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_models import Case, kinds, node

X2 = {"x": (3, 4)}
X3 = {"x": (2, 5, 4)}
XY = {"x": (2, 3, 4), "y0": (3, 1)}
POSITIVE = [node("Abs", "x", "a"), node("Add", "a c", "p")]
MASK = {"x": (2, 3), "c": ((2, 3), "b")}

UNARY = [
    "Abs", "Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "HardSwish", "IsNaN", "IsInf",
    "LeakyRelu", "Mish", "Neg", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Softplus",
    "Softsign", "Tan", "Tanh", "Celu", "ThresholdedRelu", "HardSigmoid",
]  # fmt: skip


@pytest.mark.parametrize("op", UNARY)
def test_unary(op, tmp_path):
    if op == "Selu":
        assert Case([node(op, "x")]).load(tmp_path).op("y").attrs.mode == "selu"
    else:
        Case([node(op, "x")], opset=18).check(tmp_path)


@pytest.mark.parametrize("op", ["Log", "Sqrt", "Reciprocal"])
def test_unary_of_positive_numbers(op, tmp_path):
    Case([*POSITIVE, node(op, "p")], weights={"c": 0.5}).check(tmp_path)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_of_opset_20(approximate, tmp_path):
    Case([node("Gelu", "x", approximate=approximate)], opset=20).check(tmp_path)


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Max", "Min"])
@pytest.mark.parametrize(
    ("operands", "scalar"), [("x y0", False), ("y0 x", False), ("x c", True), ("c x", True)]
)
def test_binary(op, operands, scalar, tmp_path):
    graph = Case([node(op, operands)], XY, {"c": 1.5}).check(tmp_path)
    assert graph.op("y").kind.endswith("Const") is scalar


@pytest.mark.parametrize(
    ("exponent", "kind"), [(2.0, "Mul"), (0.5, "Active"), (-1.0, "DivConst"), (3.0, "PowConst")]
)
def test_powers(exponent, kind, tmp_path):
    nodes = [*POSITIVE, node("Pow", "p e")]
    graph = Case(nodes, weights={"c": 0.5, "e": exponent}).check(tmp_path)
    assert kinds(graph)[-1] == kind


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Mul", "x one")],
        [node("Add", "x zero")],
        [node("Sub", "x zero")],
        [node("Div", "x one")],
        [node("Pow", "x one")],
        [node("Identity", "x")],
        [node("Dropout", "x")],
        [node("Cast", "x", to=10)],
        [node("Transpose", "x", perm=[0, 1, 2, 3])],
        [node("Reshape", "x same")],
        [node("Expand", "x same")],
        [node("Tile", "x ones")],
        [node("Pad", "x zeros")],
        [node("Concat", "x", axis=1)],
        [node("Slice", "x start end")],
        [node("Clip", "x")],
        [node("Sum", "x")],
        [node("Resize", "x _ scales", mode="linear")],
        [node("ReduceMean", "x", axes=[0])],
        [node("Unsqueeze", "x axis", "u"), node("Squeeze", "u axis")],
    ],
    ids=lambda nodes: nodes[0].op_type,
)
def test_what_does_nothing_vanishes(nodes, tmp_path):
    weights = {
        "one": 1.0,
        "zero": 0.0,
        "same": [1, 4, 6, 6],
        "ones": [1, 1, 1, 1],
        "zeros": [0] * 8,
        "start": [0],
        "end": [2**62],
        "scales": [1.0] * 4,
        "axis": [0],
    }
    graph = Case([*nodes, node("Relu", "y", "z")], weights=weights, outputs=["z"]).load(tmp_path)
    layout = [kind for kind in kinds(graph) if kind not in ("Squeeze", "Unsqueeze")]
    assert layout == ["Relu"]


def test_an_integer_division_rounds(tmp_path):
    graph = Case([node("Div", "x c")], {"x": ((3, 4), "i")}, {"c": 2}).check(tmp_path)
    assert kinds(graph) == ["Div"]


@pytest.mark.parametrize("op", ["Sum", "Mean", "Max", "Min"])
def test_chains(op, tmp_path):
    Case([node(op, "x c y0 x")], XY, {"c": 0.25}).check(tmp_path)


@pytest.mark.parametrize("op", ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"])
@pytest.mark.parametrize("operands", ["x y0", "x c", "c x"])
def test_comparisons(op, operands, tmp_path):
    Case([node(op, operands)], XY, {"c": 0.5}).check(tmp_path)


@pytest.mark.parametrize("op", ["And", "Or", "Xor"])
def test_logic(op, tmp_path):
    nodes = [node("Not", "c", "n"), node("Greater", "x k", "g"), node(op, "n g")]
    Case(nodes, MASK, {"k": 0.1}).check(tmp_path)


def test_where(tmp_path):
    Case([node("Where", "c x k")], MASK, {"k": -1.0}).check(tmp_path)


def test_where_of_a_known_condition_picks_an_operand(tmp_path):
    nodes = [node("Where", "c x k", "w"), node("Relu", "w")]
    graph = Case(nodes, X2, {"c": np.array([True]), "k": 0.0}).check(tmp_path)
    assert kinds(graph) == ["Relu"]


@pytest.mark.parametrize(
    ("x", "y"), [((4,), (4, 3)), ((2, 5, 4), (4, 3)), ((2, 5, 4), (2, 4, 3)), ((5, 4), (2, 4, 3))]
)
def test_matmul(x, y, tmp_path):
    graph = Case([node("MatMul", "x y0")], {"x": x, "y0": y}).check(tmp_path)
    assert kinds(graph) == ["MatMul"]


@pytest.mark.parametrize("left", [0, 1])
@pytest.mark.parametrize("right", [0, 1])
def test_gemm_of_activations(left, right, tmp_path):
    inputs = {"x": (4, 3) if left else (3, 4), "w": (5, 4) if right else (4, 5)}
    gemm = node("Gemm", "x w b", transA=left, transB=right, alpha=0.5, beta=2.0)
    graph = Case([gemm], {**inputs, "b": (3, 5)}).check(tmp_path)
    attrs = graph.op("y/product").attrs
    assert (attrs.left_transpose, attrs.right_transpose) == (bool(left), bool(right))


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("bhid,bhjd->bhij", [(2, 3, 4, 5), (2, 3, 6, 5)]),
        ("bhij,bhjd->bhid", [(2, 3, 4, 5), (2, 3, 5, 6)]),
        ("bchq,bkc->bkhq", [(2, 3, 4, 5), (2, 6, 3)]),
        ("bhwc,hkc->bhwk", [(2, 3, 4, 5), (3, 6, 5)]),
        ("ij,jk", [(2, 3), (3, 4)]),
        ("ij,ij->", [(2, 3), (2, 3)]),
        ("i,j->ij", [(2,), (3,)]),
        ("ij,i->ij", [(2, 3), (2,)]),
        ("ij->ji", [(2, 3)]),
        ("ijk->k", [(2, 3, 4)]),
        ("...ij,jk->...ik", [(2, 5, 3, 4), (4, 6)]),
        ("nkctv,kvw->nctw", [(2, 3, 4, 5, 6), (3, 6, 7)]),
        ("ijk,il->jl", [(2, 3, 4), (2, 5)]),
        ("bi,bj,bk->bijk", [(2, 3), (2, 4), (2, 5)]),
        ("bij,bjk,kl->bil", [(2, 3, 4), (2, 4, 5), (5, 6)]),
        ("ij,jk,kl,i->l", [(2, 3), (3, 4), (4, 5), (2,)]),
        ("bii->bi", [(2, 3, 3)]),
        ("iji,j->ij", [(3, 4, 3), (4,)]),
    ],
)
def test_einsum(equation, shapes, tmp_path):
    inputs = {f"x{i}": shape for i, shape in enumerate(shapes)}
    graph = Case([node("Einsum", " ".join(inputs), equation=equation)], inputs).check(tmp_path)
    assert "Einsum" not in kinds(graph)
