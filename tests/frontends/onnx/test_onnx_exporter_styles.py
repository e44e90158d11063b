"""Whole passages as exporters write them: traced (opset 11 to 17) and dynamo (18 on) spellings."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper
from onnx_models import Case, kinds, node

from lgsim.frontends.onnx import import_onnx


def test_class_token_and_positions_of_a_traced_vision_transformer(tmp_path):
    nodes = [
        node("Conv", "x w b", "c", strides=[2, 2]),
        node("Shape", "c", "s0"),
        node("Slice", "s0 zero two", "nc"),
        node("Concat", "nc minus", "t", axis=0),
        node("Reshape", "c t", "r"),
        node("Transpose", "r", "tokens", perm=[0, 2, 1]),
        node("Shape", "tokens", "s1"),
        node("Gather", "s1 at0", "n"),
        node("Unsqueeze", "n zero", "n1"),
        node("Concat", "n1 minus minus", "wanted", axis=0),
        node("Shape", "wanted", "rank"),
        node("ConstantOfShape", "rank", "ones", value=helper.make_tensor("v", 7, [1], [1])),
        node("Mul", "ones minus1", "minuses"),
        node("Equal", "wanted minuses", "open"),
        node("Where", "open ones wanted", "target"),
        node("Expand", "token target", "cls"),
        node("Concat", "cls tokens", "all", axis=1),
        node("Add", "all positions"),
    ]
    weights = {
        "w": np.ones((8, 4, 2, 2)), "b": np.ones(8), "zero": [0], "two": [2], "minus": [-1],
        "at0": 0, "minus1": -1, "token": np.ones((1, 1, 8)), "positions": np.ones((1, 10, 8)),
    }  # fmt: skip
    case = Case(nodes, {"x": (("N", 4, 6, 6), "f")}, weights, opset=13)
    graph = case.load(tmp_path, batch=3)
    assert kinds(graph) == ["Conv2D", "Reshape", "Permute", "Concat", "Add"]
    assert graph.tensor("y").shape == (3, 10, 8)
    assert graph.tensor("cls").weight


def attention(scale):
    """Multi-head attention behind one projection, heads found by shape arithmetic."""
    return [
        node("MatMul", "x wqkv", "p"),
        node("Add", "bqkv p", "qkv"),
        node("Shape", "x", "s"),
        node("Gather", "s at0", "n"),
        node("Gather", "s at1", "l"),
        node("Unsqueeze", "n zero", "n1"),
        node("Unsqueeze", "l zero", "l1"),
        node("Concat", "n1 l1 three heads minus", "t", axis=0),
        node("Reshape", "qkv t", "r"),
        node("Transpose", "r", "qkvt", perm=[2, 0, 3, 1, 4]),
        *[node("Gather", f"qkvt at{i}", name, axis=0) for i, name in enumerate("qkv")],
        *scale,
        node("Softmax", "scores", "a", axis=-1),
        node("MatMul", "a v", "o"),
        node("Transpose", "o", "ot", perm=[0, 2, 1, 3]),
        node("Reshape", "ot flat", "of"),
        node("MatMul", "of wo", "z"),
        node("Add", "bo z"),
    ]


ATTENTION = {
    "wqkv": np.ones((6, 18)), "bqkv": np.ones(18), "wo": np.ones((6, 6)), "bo": np.ones(6),
    "at0": 0, "at1": 1, "at2": 2, "zero": [0], "three": [3], "heads": [2], "minus": [-1],
    "flat": [0, 0, -1], "last": [-1], "big": [2**62], "one": 1.0,
}  # fmt: skip


def test_traced_attention(tmp_path):
    scale = [
        node("Constant", "", "half", value_float=0.5),
        node("Mul", "q half", "qs"),
        node("Transpose", "k", "kt", perm=[0, 1, 3, 2]),
        node("MatMul", "qs kt", "scores"),
    ]
    graph = Case(attention(scale), {"x": (2, 5, 6)}, ATTENTION).check(tmp_path)
    counts = graph.op_counts()
    assert counts == {
        "MatMul": 4, "MulConst": 1, "Permute": 3, "Reshape": 2, "Slice": 3, "Softmax": 1,
        "Squeeze": 3,
    }  # fmt: skip


def test_scaled_dot_product_attention_with_the_root_in_the_graph(tmp_path):
    scale = [
        node("Shape", "q", "sq"),
        node("Slice", "sq last big", "width"),
        node("Cast", "width", "wf", to=TensorProto.FLOAT),
        node("Sqrt", "wf", "root"),
        node("Div", "one root", "inverse"),
        node("Transpose", "k", "kt", perm=[0, 1, 3, 2]),
        node("Sqrt", "inverse", "s2"),
        node("Mul", "q s2", "qs"),
        node("Mul", "kt s2", "ks"),
        node("MatMul", "qs ks", "scores"),
    ]
    graph = Case(attention(scale), {"x": (2, 5, 6)}, ATTENTION).check(tmp_path)
    assert graph.op_counts()["MulConst"] == 2


def test_a_causal_mask_is_computed_at_import(tmp_path):
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s at1", "l"),
        node("Unsqueeze", "l zero", "l1"),
        node("Concat", "l1 l1", "square", axis=0),
        node("Expand", "low square", "full"),
        node("Trilu", "full k", "mask", upper=1),
        node("Range", "at0 l at1", "positions"),
        node("Gather", "table positions", "embedded"),
        node("Add", "x embedded", "h"),
        node("Transpose", "h", "ht", perm=[0, 2, 1]),
        node("MatMul", "h ht", "scores"),
        node("Add", "scores mask", "masked"),
        node("Softmax", "masked", "soft"),
        node("IsNaN", "soft", "bad"),
        node("Where", "bad nothing soft"),
    ]
    weights = {"at0": 0, "at1": 1, "zero": [0], "k": 1, "low": -1e4, "nothing": 0.0,
               "table": np.arange(80.0).reshape(20, 4) / 100}  # fmt: skip
    graph = Case(nodes, {"x": (2, 5, 4)}, weights).check(tmp_path)
    wanted = ["Add", "Permute", "MatMul", "Add", "Softmax", "Active", "Where"]
    assert kinds(graph) == wanted


def test_an_upsampling_to_the_size_of_another_tensor(tmp_path):
    nodes = [
        node("Shape", "x0", "s0"),
        node("Slice", "s0 two four", "hw"),
        node("Shape", "x", "s"),
        node("Slice", "s zero two", "nc"),
        node("Cast", "hw", "hwi", to=7),
        node("Concat", "nc hwi", "size", axis=0),
        node("Resize", "x _ _ size", "u", mode="nearest", nearest_mode="floor",
             coordinate_transformation_mode="asymmetric"),
        node("Add", "u x0"),
    ]  # fmt: skip
    weights = {"zero": [0], "two": [2], "four": [4]}
    graph = Case(nodes, {"x": (1, 3, 4, 4), "x0": (1, 3, 8, 8)}, weights).check(tmp_path)
    assert kinds(graph) == ["Upsample", "Add"]


def test_functions_of_a_model_are_inlined(tmp_path):
    linear = helper.make_function(
        "pkg.exporter", "Linear", ["x", "w", "b"], ["y"],
        [node("MatMul", "x w", "z"), node("Add", "z b")], [helper.make_opsetid("", 18)],
    )  # fmt: skip
    case = Case([node("pkg.exporter:Linear", "x w b", "h"), node("Gelu", "h")], {"x": (2, 5, 4)},
                {"w": np.ones((4, 3)), "b": np.ones(3)}, opset=20)  # fmt: skip
    proto = case.proto()
    proto.functions.append(linear)
    path = tmp_path / "functions.onnx"
    path.write_bytes(proto.SerializeToString())
    graph = import_onnx(path)
    assert kinds(graph) == ["MatMul", "Active"]


def test_a_dynamo_export(tmp_path):
    nodes = [
        node("LayerNormalization", "x g b", "n", axis=-1, epsilon=1e-6),
        node("Split", "n", "p q", axis=-1, num_outputs=2),
        node("Gelu", "q", "a", approximate="tanh"),
        node("Mul", "p a", "m"),
        node("ReduceMean", "m axes", "r", keepdims=0),
        node("Reshape", "r shape", allowzero=1),
    ]
    weights = {"g": np.ones(4), "b": np.zeros(4), "axes": [1], "shape": [2, 2, 1]}
    graph = Case(nodes, {"x": (2, 5, 4)}, weights, opset=20).check(tmp_path)
    assert kinds(graph) == ["LayerNorm", "Slice", "Slice", "Active", "Mul", "Reduce", "Reshape"]


def test_weight_normalised_and_shuffled_convolutions(tmp_path):
    nodes = [
        node("Conv", "x w", "c", group=2),
        node("Reshape", "c split", "r"),
        node("Transpose", "r", "t", perm=[0, 2, 1, 3, 4]),
        node("Reshape", "t merge"),
    ]
    weights = {"w": np.ones((4, 2, 1, 1)), "split": [0, 2, 2, 6, 6], "merge": [0, -1, 6, 6]}
    graph = Case(nodes, weights=weights).check(tmp_path)
    assert kinds(graph) == ["Conv2D", "Reshape", "Permute", "Reshape"]
