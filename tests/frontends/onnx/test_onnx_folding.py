"""Constants are computed as ONNX's reference computes them."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx_models import Case, kinds, node

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.context import ImportContext
from lgsim.frontends.onnx.node import decode_nodes
from lgsim.frontends.onnx.run import run_nodes
from lgsim.frontends.onnx.tensors import VALUE_LIMIT_ELEMENTS, Constant

F = np.array([[1.5, -2.0, 0.25], [3.0, -0.5, 7.0]], np.float32)
I = np.array([[7, -3, 2], [0, 5, -9]], np.int64)  # noqa: E741
P = np.abs(F) + np.float32(0.5)
B = F > 0
AXES = np.array([1], np.int64)

FOLDED = [
    *[node(op, "F") for op in ("Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "Neg", "Relu", "Round",
                               "Sigmoid", "Sign", "Sin", "Softplus", "Tan", "Tanh", "IsNaN",
                               "IsInf", "Identity", "Transpose", "Shape", "Size", "NonZero")],
    *[node(op, "P") for op in ("Log", "Sqrt", "Reciprocal")],
    *[node(op, "F P") for op in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Equal", "Less",
                                 "Greater", "LessOrEqual", "GreaterOrEqual", "Sum", "Expand")
      if op != "Expand"],
    *[node(op, "I two") for op in ("Add", "Sub", "Mul", "Div", "Mod", "Pow", "Equal")],
    *[node(op, "B B") for op in ("And", "Or", "Xor")],
    *[node(op, "F", keepdims=k) for op in ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd")
      for k in (0, 1)],
    node("Not", "B"),
    node("Where", "B F P"),
    node("ReduceSum", "F axes", keepdims=0),
    node("ReduceProd", "I", axes=[0]),
    node("Clip", "F low high"),
    node("Clip", "F _ high"),
    node("Cast", "F", to=7),
    node("Cast", "I", to=1),
    node("Cast", "I", to=9),
    node("CastLike", "I F"),
    node("ConstantOfShape", "shape"),
    node("Constant", "", value_ints=[1, 2]),
    node("Constant", "", value_float=1.5),
    node("Range", "zero five two"),
    node("EyeLike", "F", k=1),
    node("Reshape", "F shape"),
    node("Reshape", "F zeros"),
    node("Flatten", "F", axis=0),
    node("Squeeze", "row"),
    node("Squeeze", "row first"),
    node("Unsqueeze", "F axes"),
    node("Expand", "row shape"),
    node("Tile", "F shape"),
    node("Concat", "F P", axis=-1),
    node("Slice", "F first axes"),
    node("Slice", "F minus far axes minus"),
    node("Gather", "F axes", axis=1),
    node("Gather", "F minus", axis=0),
    node("GatherElements", "F axes2", axis=1),
    node("ScatterND", "F where what"),
    node("Pad", "F pads"),
    node("Pad", "F pads low"),
    node("Pad", "F pads", mode="edge"),
    node("CumSum", "F one"),
    node("CumSum", "F one", reverse=1, exclusive=1),
    node("Trilu", "F"),
    node("Trilu", "F one", upper=0),
    node("Dropout", "F"),
    node("Split", "F split", "y z", axis=1),
]  # fmt: skip
VALUES = {
    "F": F, "I": I, "P": P, "B": B, "axes": AXES, "two": 2, "zero": 0, "five": 5, "one": 1,
    "first": [0],    "low": -1.0, "high": 2.0, "shape": [3, 2],
    "zeros": [0, -1], "row": [[1.0, 2.0]],
    "minus": [-1], "far": [-(2**62)], "axes2": [[0, 1, 2], [2, 1, 0]], "where": [[1]],
    "what": [[9.0, 8.0, 7.0]], "pads": [1, 0, 0, 2], "split": [1, 2],
}  # fmt: skip


def fold(*nodes, opset=17, **values):
    ctx = ImportContext("case", opset)
    for name, value in values.items():
        proto = numpy_helper.from_array(np.asarray(value), name)
        ctx.add_constant(name, Constant.from_proto(proto))
    run_nodes(ctx, decode_nodes(nodes))
    assert not len(ctx.graph)
    return ctx


@pytest.mark.parametrize("folded", FOLDED, ids=lambda n: f"{n.op_type} {' '.join(n.input)}")
def test_folding_agrees_with_the_reference(folded):
    used = {name: VALUES[name] for name in folded.input if name}
    wide = {name: np.asarray(v, np.float32) if np.asarray(v).dtype == np.float64 else np.asarray(v)
            for name, v in used.items()}  # fmt: skip
    proto = Case([folded], {}, wide, list(folded.output)).proto()
    wanted = ReferenceEvaluator(proto).run(None, {})
    ctx = fold(folded, **wide)
    for name, value in zip(folded.output, wanted, strict=True):
        got = ctx.value(name)
        assert got.dtype.kind == value.dtype.kind
        np.testing.assert_allclose(got, value, rtol=1e-5)
        assert ctx.shape(name) == value.shape


def test_shape_arithmetic_disappears(tmp_path):
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "n"),
        node("Unsqueeze", "n axes", "n1"),
        node("Slice", "s two four", "hw"),
        node("ReduceProd", "hw", "p", keepdims=1),
        node("Concat", "n1 minus p", "t", axis=0),
        node("Reshape", "x t"),
    ]
    weights = {"zero": 0, "axes": [0], "two": [2], "four": [4], "minus": [-1]}
    graph = Case(nodes, {"x": (2, 3, 4, 5)}, weights).check(tmp_path)
    assert kinds(graph) == ["Reshape"]
    assert graph.tensor("y").shape == (2, 3, 20)
    assert [tensor.name for tensor in graph.tensors] == ["x", "y"]


def test_constants_without_data_keep_their_shape():
    large = np.zeros(VALUE_LIMIT_ELEMENTS + 1, np.float32)
    ctx = fold(node("Neg", "w", "a"), node("Reshape", "a s"), w=large, s=[-1, 1])
    assert ctx.value("y") is None
    assert ctx.shape("y") == (VALUE_LIMIT_ELEMENTS + 1, 1)


def test_a_product_too_large_to_compute_keeps_its_shape():
    ctx = fold(node("Mul", "a b"), a=np.ones((4096, 1), np.float32), b=np.ones(4096, np.float32))
    assert ctx.value("y") is None
    assert ctx.shape("y") == (4096, 4096)


def test_a_tensor_filled_with_one_number_is_a_scalar_operand(tmp_path):
    fill = helper.make_tensor("v", 1, [1], [3.0])
    nodes = [node("Shape", "x", "s"), node("ConstantOfShape", "s", "c", value=fill),
             node("Mul", "x c")]  # fmt: skip
    (op,) = Case(nodes).check(tmp_path)
    assert (op.kind, op.attrs.value) == ("MulConst", 3.0)


def test_only_values_that_matter_travel_with_the_graph(tmp_path):
    table = np.ones((500, 4), np.float32)
    weights = {"i": np.arange(200)[::-1].copy(), "w": table[:200]}
    nodes = [node("Gather", "x i", "g", axis=1), node("Add", "g w")]
    case = Case(nodes, {"x": (1, 500, 4)}, weights)
    graph = case.load(tmp_path)
    assert graph.tensor("i").data is not None
    assert graph.tensor("w").data is None


def test_folded_weights_take_no_op_and_no_values(tmp_path):
    nodes = [node("Gather", "table index", "rows"), node("Transpose", "rows", "columns"),
             node("Unsqueeze", "columns axes", "u"), node("Add", "x u")]  # fmt: skip
    weights = {"table": np.zeros((70000, 1)), "index": np.zeros((6, 6)).astype(int), "axes": [0]}
    graph = Case(nodes, {"x": (1, 4, 6, 6)}, weights).load(tmp_path)
    assert kinds(graph) == ["Add"]
    assert graph.tensor("u").weight
    assert graph.tensor("u").shape == (1, 1, 6, 6)


def test_a_long_range_keeps_its_shape():
    ctx = fold(node("Range", "a b c"), a=0, b=10_000_000, c=3)
    assert ctx.value("y") is None
    assert ctx.shape("y") == (3_333_334,)


def test_what_memory_cannot_hold_is_refused(tmp_path):
    with pytest.raises(LgsimError, match="constant operands do not fit"):
        fold(node("Pad", "a p"), a=[1.0], p=[2**50, 0])


def test_a_large_triangle_has_a_mask_without_values(tmp_path):
    graph = Case([node("Trilu", "x")], {"x": (400, 400)}).load(tmp_path)
    assert graph.tensor("y/mask").shape == (400, 400)
    assert graph.tensor("y/mask").data is None
