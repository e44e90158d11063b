"""Imported layout and index ops compute what the ONNX reference does."""

from __future__ import annotations

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator
from onnx_models import Case, kinds, node

X3 = {"x": (2, 5, 4)}


@pytest.mark.parametrize(
    ("op", "given", "inputs"),
    [
        ("Reshape", [0, -1], X3),
        ("Reshape", [2, 2, -1], X3),
        ("Expand", [3, 2, 5, 4], X3),
        ("Expand", [3, 1], {"x": (2, 1, 4)}),
        ("Expand", [2, 3, 1], {"x": (3, 4)}),
        ("Tile", [2, 1, 3], X3),
        ("Squeeze", [0, -1], {"x": (1, 3, 1, 1)}),
        ("Unsqueeze", [0, -1], X3),
        ("Pad", [0, 1, 0, 0, 2, 1], X3),
    ],
)
def test_layout(op, given, inputs, tmp_path):
    Case([node(op, "x k")], inputs, {"k": given}).check(tmp_path)


def test_layout_without_constants(tmp_path):
    Case([node("Flatten", "x", axis=2)]).check(tmp_path)
    Case([node("Flatten", "x", axis=0)]).check(tmp_path)
    Case([node("Squeeze", "x")], {"x": (1, 3, 1)}).check(tmp_path)
    Case([node("Transpose", "x")], X3).check(tmp_path)
    Case([node("Transpose", "x", perm=[2, 0, 1])], X3).check(tmp_path)
    Case([node("Concat", "x x", axis=-1)], X3).check(tmp_path)
    Case([node("DepthToSpace", "x", blocksize=2)]).check(tmp_path)
    Case([node("DepthToSpace", "x", blocksize=2, mode="CRD")]).check(tmp_path)
    Case([node("SpaceToDepth", "x", blocksize=2)]).check(tmp_path)
    Case([node("Trilu", "x", upper=0)], X3).check(tmp_path)
    Case([node("Trilu", "x k")], X3, {"k": 1}).check(tmp_path)
    Case([node("PRelu", "x k")], weights={"k": np.ones((4, 1, 1)) / 4}).check(tmp_path)
    Case([node("Clip", "x low")], weights={"low": -0.5}).check(tmp_path)
    Case([node("Clip", "x low high")], weights={"low": 0.0, "high": 6.0}).check(tmp_path)


@pytest.mark.parametrize("mode", ["reflect", "edge"])
def test_pad_modes(mode, tmp_path):
    Case([node("Pad", "x k", mode=mode)], X3, {"k": [0, 1, 0, 0, 2, 1]}).check(tmp_path)
    pad = node("Pad", "x k _ a", mode=mode)
    Case([pad], X3, {"k": [1, 2], "a": [1]}, opset=18).check(tmp_path)


@pytest.mark.parametrize(
    "bounds",
    [
        ([1], [-1], [1], [1]),
        ([0, 1], [2, 2**62], [0, -1], [1, 2]),
        ([-1], [-(2**62)], [1], [-1]),
        ([3], [0], [-2], [-2]),
    ],
)
def test_slices(bounds, tmp_path):
    weights = dict(zip("seat", bounds, strict=True))
    Case([node("Slice", "x s e a t")], X3, weights).check(tmp_path)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (1, ["Slice", "Squeeze"]),
        (-1, ["Slice", "Squeeze"]),
        ([2], ["Slice"]),
        ([0, 2, 4], ["Slice"]),
        ([4, 0], ["Gather"]),
        ([[0, 1], [2, 3]], ["Gather"]),
    ],
)
def test_gather(index, expected, tmp_path):
    graph = Case([node("Gather", "x i", axis=1)], X3, {"i": index}).check(tmp_path)
    assert kinds(graph) == expected


def test_embedding_lookup_stays_a_gather(tmp_path):
    table = {"t": np.arange(12.0).reshape(3, 4)}
    graph = Case([node("Gather", "t x")], {"x": ((2, 5), "i")}, table).check(tmp_path)
    assert kinds(graph) == ["Gather"]
    Case([node("GatherElements", "t x", axis=1)], {"x": ((3, 4), "i")}, table).check(tmp_path)


@pytest.mark.parametrize(
    ("operands", "options", "opset"),
    [
        ("x", {"split": [1, 3]}, 11),
        ("x s", {}, 13),
        ("x", {"num_outputs": 2}, 18),
        ("x", {}, 13),
    ],
)
def test_split_becomes_slices(operands, options, opset, tmp_path):
    split = node("Split", operands, "a b", axis=1, **options)
    case = Case([split], weights={"s": [1, 3]} if "s" in operands.split() else {},
                outputs=["a", "b"], opset=opset)  # fmt: skip
    graph = case.check(tmp_path)
    assert [(op.name, op.kind) for op in graph] == [("a", "Slice"), ("b", "Slice")]


@pytest.mark.parametrize("coordinates", ["asymmetric", "half_pixel", "align_corners"])
@pytest.mark.parametrize("rounding", ["floor", "round_prefer_floor", "round_prefer_ceil", "ceil"])
@pytest.mark.parametrize("scale", [2.0, 3.0])
def test_a_resize_that_repeats_pixels_becomes_an_upsample(coordinates, rounding, scale, tmp_path):
    resize = node("Resize", "x _ s", mode="nearest", nearest_mode=rounding,
                  coordinate_transformation_mode=coordinates)  # fmt: skip
    case = Case([resize], weights={"s": [1.0, 1.0, scale, 2.0]})
    samples = case.samples()
    wanted = ReferenceEvaluator(case.proto()).run(None, samples)[0]
    repeated = samples["x"].repeat(int(scale), 2).repeat(2, 3)
    graph = case.load(tmp_path)
    # with align_corners it depends on the size whether pixels repeat: never taken for granted
    expected = np.array_equal(wanted, repeated) and coordinates != "align_corners"
    assert (kinds(graph) == ["Upsample"]) is expected
    assert graph.tensor("y").shape == wanted.shape


def test_sequences(tmp_path):
    nodes = [
        node("SplitToSequence", "x k", "q", axis=1),
        node("SequenceAt", "q i", "a"),
        node("ConcatFromSequence", "q", "c", axis=0, new_axis=1),
        node("Relu", "a"),
        node("Relu", "c", "z"),
    ]
    Case(nodes, weights={"k": 2, "i": 1}, outputs=["y", "z"]).check(tmp_path)
    nodes = [
        node("SplitToSequence", "x", "q", axis=1, keepdims=0),
        node("SequenceAt", "q i", "a"),
        node("SequenceConstruct", "a x0", "r"),
        node("ConcatFromSequence", "r", axis=0),
    ]
    inputs = {"x": (1, 2, 3), "x0": (2, 3)}
    Case(nodes, inputs, weights={"i": -1}).check(tmp_path)


def test_an_expand_is_left_to_the_readers_that_broadcast(tmp_path):
    """As exporters write x / ‖x‖; the shape of what else reads it must not change."""
    nodes = [
        node("ReduceL2", "x", "length", axes=[-1], keepdims=1),
        node("Expand", "length shape", "spread"),
        node("Div", "x spread"),
    ]
    graph = Case(nodes, weights={"shape": [1, 4, 6, 6]}).check(tmp_path)
    assert "Tile" not in kinds(graph)
    assert graph.tensor("y").shape == (1, 4, 6, 6)


@pytest.mark.parametrize("last", [node("MatMul", "spread x"), node("Mul", "spread spread")])
def test_an_expand_that_a_reader_needs_stays(last, tmp_path):
    nodes = [
        node("ReduceMax", "x", "most", axes=[-1], keepdims=1),
        node("Expand", "most shape", "spread"),
        node("Add", "x spread", "z"),
        last,
    ]
    graph = Case(nodes, weights={"shape": [1, 4, 6, 6]}, outputs=["y", "z"]).check(tmp_path)
    assert kinds(graph).count("Tile") == 1
    assert next(op for op in graph if op.kind == "Add").inputs[1] != "spread"


def test_a_slice_that_leaves_nothing_is_left_out_of_a_concat(tmp_path):
    """A roll by 0 elements is exported as two slices, one of them empty."""
    nodes = [
        node("Slice", "x zero end one", "rest"),
        node("Slice", "x zero zero one", "front"),
        node("Concat", "rest front", "rolled", axis=1),
        node("Relu", "rolled"),
    ]
    weights = {"zero": [0], "end": [99], "one": [1]}
    assert kinds(Case(nodes, X3, weights).check(tmp_path)) == ["Relu"]
