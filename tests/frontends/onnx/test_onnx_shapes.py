"""Ops whose numbers are not checked: their shapes agree with ONNX's inference, or are known."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper, shape_inference
from onnx_models import Case, kinds, node


def ones(*shape):
    return np.ones(shape, np.float32)


def check_shape(case, tmp_path):
    """Import and compare the outputs with what ONNX infers; returns the graph."""
    graph = case.load(tmp_path)
    inferred = shape_inference.infer_shapes(case.proto(), data_prop=True).graph.output
    for tensor, info in zip(graph.outputs, inferred, strict=True):
        dims = tuple(dim.dim_value for dim in info.type.tensor_type.shape.dim)
        assert graph.tensor(tensor).shape == dims
    return graph


@pytest.mark.parametrize(
    ("weight", "options"),
    [
        ((4, 3, 3, 3), {}),
        ((4, 3, 2, 2), {"strides": [2, 2]}),
        ((4, 3, 3, 3), {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}),
        ((4, 1, 4, 4), {"strides": [2, 2], "group": 4, "pads": [1, 1, 1, 1]}),
        ((4, 3, 3, 3), {"strides": [2, 3], "auto_pad": "SAME_UPPER"}),
        ((4, 3, 3, 3), {"strides": [2, 2], "auto_pad": "SAME_LOWER"}),
        ((4, 3, 3, 3), {"strides": [2, 2], "output_shape": [13, 12]}),
        ((4, 3, 3, 3), {"dilations": [2, 2], "auto_pad": "VALID"}),
    ],
)
def test_transposed_convolutions(weight, options, tmp_path):
    deconv = node("ConvTranspose", "x w", **options)
    graph = check_shape(Case([deconv], weights={"w": ones(*weight)}), tmp_path)
    assert kinds(graph) == ["Deconv"]


def test_an_output_larger_than_its_windows_is_filled_up(tmp_path):
    deconv = node("ConvTranspose", "x w", strides=[2, 2], output_shape=[14, 14])
    graph = Case([deconv], weights={"w": ones(4, 3, 3, 3)}).load(tmp_path)
    assert graph.tensor("y").shape == (1, 3, 14, 14)
    assert graph.op("y").attrs.output_padding == (1, 1)


@pytest.mark.parametrize("rank", [1, 3])
def test_convolutions_in_one_and_three_dimensions(rank, tmp_path):
    spatial, weight = (6,) * rank, ones(8, 4, *(3,) * rank)
    case = Case([node("Conv", "x w")], {"x": (1, 4, *spatial)}, {"w": weight})
    assert kinds(check_shape(case, tmp_path)) == [f"Conv{rank}D"]
    deconv = Case([node("ConvTranspose", "x w")], {"x": (1, 8, *spatial)}, {"w": weight})
    assert kinds(check_shape(deconv, tmp_path)) == ["Deconv3D" if rank == 3 else "Deconv"]


@pytest.mark.parametrize(
    ("given", "options", "opset"),
    [
        ({"scales": [1, 1, 1.5, 2]}, {"mode": "linear"}, 13),
        ({"sizes": [1, 4, 9, 7]}, {"mode": "cubic"}, 13),
        ({"sizes": [1, 4, 9, 7]}, {"mode": "nearest"}, 13),
        ({"sizes": [9, 7]}, {"mode": "linear", "axes": [2, 3]}, 18),
        ({"sizes": [9, 12]}, {"mode": "linear", "axes": [2, 3],
                              "keep_aspect_ratio_policy": "not_larger"}, 18),
        ({"scales": [2.0, 0.5]}, {"mode": "linear", "axes": [2, 3],
                                  "coordinate_transformation_mode": "align_corners"}, 18),
    ],
)  # fmt: skip
def test_resizes(given, options, opset, tmp_path):
    operands = "x _ scales" if "scales" in given else "x _ _ sizes"
    weights = {name: np.asarray(value, float if name == "scales" else int)
               for name, value in given.items()}  # fmt: skip
    case = Case([node("Resize", operands, **options)], weights=weights, opset=opset)
    graph = check_shape(case, tmp_path)
    assert kinds(graph) == ["Interp"]


def test_resizes_of_other_ranks_and_opsets(tmp_path):
    weights = {"s": [1.0, 1.0, 2.0, 2.0, 2.0]}
    case = Case([node("Resize", "x _ s", mode="linear")], {"x": (1, 2, 3, 4, 5)}, weights)
    assert kinds(check_shape(case, tmp_path)) == ["Interp"]
    old = Case([node("Upsample", "x s")], weights={"s": [1.0, 1.0, 2.0, 2.0]}, opset=9)
    assert kinds(old.load(tmp_path)) == ["Upsample"]
    old = Case([node("Resize", "x s")], weights={"s": [1.0, 1.0, 2.0, 2.0]}, opset=10)
    assert kinds(old.load(tmp_path)) == ["Upsample"]


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(("op", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
def test_recurrent_layers(op, gates, direction, tmp_path):
    d, hidden = (2 if direction == "bidirectional" else 1), 5
    weights = {"w": ones(d, gates * hidden, 3), "r": ones(d, gates * hidden, hidden),
               "b": ones(d, 2 * gates * hidden), "h": ones(d, 2, hidden)}  # fmt: skip
    for operands, biases in (("x w r b", 1), ("x w r", 0), ("x w r _ _ h", 1)):
        layer = node(op, operands, "y yh", hidden_size=hidden, direction=direction)
        case = Case([layer], {"x": (7, 2, 3)}, weights, ["y", "yh"])
        graph = check_shape(case, tmp_path)
        (layer_op,) = graph
        assert graph.macs() == 7 * 2 * d * gates * hidden * (3 + hidden)
        assert len(layer_op.inputs) >= 3 + biases


def test_a_recurrent_layer_with_the_batch_first(tmp_path):
    weights = {"w": ones(1, 20, 3), "r": ones(1, 20, 5), "h": ones(2, 1, 5), "c": ones(2, 1, 5)}
    layer = node("LSTM", "x w r _ _ h c", "y yh yc", hidden_size=5, layout=1)
    case = Case([layer], {"x": (2, 7, 3)}, weights, ["y", "yh", "yc"])
    graph = case.load(tmp_path)
    assert [graph.tensor(name).shape for name in graph.outputs] == [
        (2, 7, 1, 5),
        (2, 1, 5),
        (2, 1, 5),
    ]
    assert kinds(graph).count("LSTM") == 1


def test_index_ops(tmp_path):
    ids = {"x": (2, 5), "i": ((2, 3), "i")}
    check_shape(Case([node("GatherElements", "x i", axis=1)], ids), tmp_path)
    check_shape(
        Case([node("GatherND", "x i", batch_dims=0)], {"x": (4, 3, 2, 5), "i": ((6, 2), "i")}),
        tmp_path,
    )
    check_shape(
        Case([node("GatherND", "x i", batch_dims=1)], {"x": (4, 3, 2), "i": ((4, 1), "i")}),
        tmp_path,
    )
    updates = {**ids, "u": (2, 3)}
    check_shape(Case([node("ScatterElements", "x i u", axis=1)], updates), tmp_path)
    nd = {"x": (4, 5), "i": ((3, 1), "i"), "u": (3, 5)}
    check_shape(Case([node("ScatterND", "x i u")], nd), tmp_path)
    one_hot = node("OneHot", "i depth values", axis=1)
    weights = {"depth": 6, "values": [0.0, 1.0]}
    check_shape(Case([one_hot], {"i": ((2, 3), "i")}, weights), tmp_path)
    grid = {"x": (1, 4, 6, 6), "g": (1, 3, 5, 2)}
    check_shape(Case([node("GridSample", "x g", mode="bicubic")], grid), tmp_path)


def test_group_normalization_of_both_opsets(tmp_path):
    for size, opset in ((2, 18), (4, 21)):
        norm = node("GroupNormalization", "x s b", num_groups=2)
        weights = {"s": ones(size), "b": ones(size)}
        graph = Case([norm], weights=weights, opset=opset).load(tmp_path)
        (op,) = graph
        assert [graph.tensor(name).shape for name in op.inputs[1:]] == [(4,), (4,)]


def test_a_norm_with_a_scale_that_broadcasts(tmp_path):
    norm = node("LayerNormalization", "x s b", axis=1)
    weights = {"s": ones(4), "b": ones(4)}
    graph = Case([norm], {"x": (2, 5, 4)}, weights).load(tmp_path)
    assert kinds(graph) == ["LayerNorm", "Mul", "Add"]


def test_lrn_and_friends(tmp_path):
    assert kinds(check_shape(Case([node("LRN", "x", size=5)]), tmp_path)) == ["LRN"]
    swish = Case(
        [node("com.microsoft:QuickGelu", "x"), node("com.microsoft:Gelu", "y", "z")], outputs=["z"]
    )
    assert [op.attrs.mode for op in swish.load(tmp_path)] == ["quick_gelu", "gelu"]


def test_negative_pads_crop(tmp_path):
    graph = Case([node("Pad", "x p")], weights={"p": [0, 0, -1, 0, 0, 0, 2, -2]}).load(tmp_path)
    assert kinds(graph) == ["Slice", "Pad"]
    assert graph.tensor("y").shape == (1, 4, 7, 4)
    graph = Case([node("Pad", "x p")], weights={"p": [0, 0, 0, 0, 0, -1, 0, 0]}).load(tmp_path)
    assert kinds(graph) == ["Slice"]


def test_a_branch_that_is_decided_at_import(tmp_path):
    def branch(name, op):
        info = helper.make_tensor_value_info(name, 1, None)
        return helper.make_graph([node(op, "x", name)], name, [], [info])

    nodes = [
        node("Shape", "x", "s"),
        node("Size", "s", "rank"),
        node("Equal", "rank four", "c"),
        node("If", "c", "r", then_branch=branch("a", "Relu"), else_branch=branch("b", "Tanh")),
        node("Sigmoid", "r"),
    ]
    assert kinds(Case(nodes, weights={"four": 4}).load(tmp_path)) == ["Relu", "Active"]
    nodes[2] = node("Equal", "rank five", "c")
    assert kinds(Case(nodes, weights={"five": 5}).load(tmp_path)) == ["Active", "Active"]


@pytest.mark.parametrize("trips", [1, 3])
def test_a_loop_of_known_length_runs_round_by_round(trips, tmp_path):
    """One value is carried on, one is collected, and a third comes from outside of the loop."""
    infos = [helper.make_tensor_value_info(*pair) for pair in (("i", 7, []), ("go", 9, []))]
    state = helper.make_tensor_value_info("v", 1, [1, 4, 6, 6])
    outs = [
        helper.make_tensor_value_info("go2", 9, []),
        helper.make_tensor_value_info("v2", 1, [1, 4, 6, 6]),
        helper.make_tensor_value_info("row", 1, [1, 4, 6, 6]),
    ]
    rounds = [
        node("Identity", "go", "go2"),
        node("Gather", "scales i", "scale"),
        node("Mul", "v scale", "v1"),
        node("Add", "v1 x", "v2"),
        node("Tanh", "v2", "row"),
    ]
    body = helper.make_graph(rounds, "body", [*infos, state], outs)
    nodes = [node("Relu", "x", "start"), node("Loop", "trips on start", "last rows", body=body)]
    weights = {"trips": trips, "on": np.array(True), "scales": np.array([2.0, 3.0, 4.0])}
    assert (
        kinds(Case(nodes, weights=weights, outputs=["last"]).check(tmp_path)).count("Add") == trips
    )
    # ONNX's reference puts what is collected end to end instead of along a new dimension
    graph = Case(nodes, weights=weights, outputs=["rows"]).load(tmp_path)
    assert graph.tensor("rows").shape == (trips, 1, 4, 6, 6)


def test_a_sequence_that_grows_in_a_loop(tmp_path):
    grown = [node("SequenceEmpty", "", "q0", dtype=1), node("Relu", "x", "r")]
    grown += [node("SequenceInsert", "q0 r", "q1"), node("SequenceInsert", "q1 x zero", "q2")]
    grown += [node("SequenceLength", "q2", "n"), node("Sub", "n one", "last")]
    nodes = [*grown, node("SequenceAt", "q2 last", "t"), node("Sigmoid", "t")]
    graph = Case(nodes, weights={"zero": 0, "one": 1}).check(tmp_path)
    assert kinds(graph) == ["Relu", "Active"]


def test_quantisation_is_seen_through_with_one_warning(tmp_path):
    nodes = [
        node("QuantizeLinear", "x sc zp", "xq"),
        node("DequantizeLinear", "xq sc zp", "xd"),
        node("DequantizeLinear", "wq sc zp", "wd"),
        node("Conv", "xd wd", "c"),
        node("QuantizeLinear", "c sc zp", "cq"),
        node("DequantizeLinear", "cq sc zp"),
    ]
    zero = np.array(0, np.int8)
    weights = {"sc": 0.1, "zp": zero, "wq": np.ones((2, 4, 3, 3), np.int8)}
    graph = Case(nodes, weights=weights).load(tmp_path)
    assert kinds(graph) == ["Conv2D"]
    assert graph.tensor("wd").dtype.value == "f32"
    (warning,) = graph.warnings
    assert "quantisation of 5 node(s) is ignored" in warning


def test_quantised_operators_are_their_float_counterparts(tmp_path):
    nodes = [
        node("QuantizeLinear", "x sc zp", "xq"),
        node("QLinearConv", "xq sc zp wq sc zp sc zp", "c"),
        node("Flatten", "c", "f"),
        node("QLinearMatMul", "f sc zp mq sc zp sc zp", "m"),
        node("DequantizeLinear", "m sc zp"),
    ]
    weights = {"sc": 0.1, "zp": np.array(0, np.int8), "wq": np.ones((2, 4, 3, 3), np.int8),
               "mq": np.ones((32, 5), np.int8)}  # fmt: skip
    graph = Case(nodes, weights=weights).load(tmp_path)
    assert kinds(graph) == ["Conv2D", "Reshape", "MatMul"]


def test_half_precision_is_read_as_float(tmp_path):
    weights = {"w": np.ones((2, 4, 3, 3), np.float16)}
    case = Case([node("Cast", "x", "h", to=10), node("Conv", "h w", "c"), node("Cast", "c", to=1)])
    proto = case.proto()
    from onnx import numpy_helper

    proto.graph.initializer.append(numpy_helper.from_array(weights["w"], "w"))
    path = tmp_path / "half.onnx"
    path.write_bytes(proto.SerializeToString())
    from lgsim.frontends.onnx import import_onnx

    graph = import_onnx(path)
    assert kinds(graph) == ["Conv2D"]
    assert {tensor.dtype.value for tensor in graph.tensors} == {"f32"}


def test_non_max_suppression_has_its_largest_size(tmp_path):
    nms = node("NonMaxSuppression", "b s k")
    case = Case([nms], {"b": (1, 50, 4), "s": (1, 3, 50)}, {"k": [10]})
    graph = case.load(tmp_path)
    assert graph.tensor("y").shape == (30, 3)
    assert [op.kind for op in graph] == ["Unknown"]


def test_unknown_operators_get_one_warning_per_type(tmp_path):
    nodes = [node("Hardmax", "x", "a"), node("Hardmax", "a", "b"), node("ReverseSequence", "b l")]
    graph = Case(nodes, {"x": (4, 6)}, {"l": [1, 2, 3, 3, 2, 1]}).load(tmp_path)
    assert [op.attrs.op_type for op in graph] == ["Hardmax", "Hardmax", "ReverseSequence"]
    assert graph.tensor("y").shape == (4, 6)
    assert len(graph.warnings) == 2
    assert "Hardmax has no cost model (2 nodes)" in graph.warnings[0]


def test_positions_of_a_max_pool_make_it_unknown(tmp_path):
    pool = node("MaxPool", "x", "y i", kernel_shape=[2, 2], strides=[2, 2])
    graph = Case([pool], outputs=["y", "i"]).load(tmp_path)
    assert [op.kind for op in graph] == ["Unknown"]
    assert graph.tensor("i").shape == (1, 4, 3, 3)


def test_a_custom_operator_takes_its_shape_from_the_model(tmp_path):
    case = Case([node("my.ops:Fancy", "x", "f"), node("Relu", "f")])
    proto = case.proto()
    proto.graph.value_info.append(helper.make_tensor_value_info("f", 1, (1, 2, 3)))
    path = tmp_path / "custom.onnx"
    path.write_bytes(proto.SerializeToString())
    from lgsim.frontends.onnx import import_onnx

    graph = import_onnx(path)
    assert kinds(graph) == ["Unknown", "Relu"]
    assert graph.tensor("y").shape == (1, 2, 3)
    assert "my.ops:Fancy" in graph.warnings[0]
