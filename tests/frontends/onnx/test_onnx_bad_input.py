"""What is wrong with a file is said in one clear line."""

from __future__ import annotations

import contextlib
import gzip

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_models import Case, kinds, node

from lgsim.errors import LgsimError
from lgsim.frontends.onnx import import_onnx

RELU = Case([node("Relu", "x")])


def refused(case_or_path, *words, folder=None, **options):
    """The importer refuses, in one line that holds all the words."""
    path = case_or_path if folder is None else case_or_path.save(folder)
    with pytest.raises(LgsimError) as caught:
        import_onnx(path, **options)
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text
    return text


def saved(proto, folder):
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def test_a_file_that_is_not_there(tmp_path):
    refused(tmp_path / "none.onnx", "none.onnx", "no such file")
    refused(tmp_path, "cannot be read")


@pytest.mark.parametrize("data", [b"", b"hello, world", b"\x00" * 100, b"<html></html>"])
def test_a_file_that_is_no_model(data, tmp_path):
    path = tmp_path / "text.onnx"
    path.write_bytes(data)
    refused(path, "text.onnx")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file(share, tmp_path):
    weights = {"w": np.ones((8, 4, 3, 3))}
    path = Case([node("Conv", "x w")], weights=weights).save(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(path, "case.onnx", "truncated")


def test_compressed_files(tmp_path):
    data = RELU.save(tmp_path).read_bytes()
    path = tmp_path / "net.onnx.gz"
    path.write_bytes(gzip.compress(data))
    graph = import_onnx(path)
    assert graph.name == "net"
    assert kinds(graph) == ["Relu"]
    path.write_bytes(gzip.compress(data)[:-9])
    refused(path, "not a whole gzip file")
    path.write_bytes(data)
    refused(path, "not a whole gzip file")


def test_a_model_without_nodes_or_outputs(tmp_path):
    refused(Case([]), "no nodes", folder=tmp_path)
    refused(Case([node("Relu", "x")], outputs=[]), "no outputs", folder=tmp_path)
    refused(Case([node("Relu", "x")], outputs=["z"]), "'z' is written by no node", folder=tmp_path)
    nothing = Case([node("Shape", "x")])
    refused(nothing, "no output is computed from the inputs", folder=tmp_path)


def test_outputs_that_are_constant_or_inputs_are_left_out(tmp_path):
    nodes = [node("Relu", "x"), node("Shape", "x", "s"), node("Identity", "x", "z")]
    graph = Case(nodes, outputs=["y", "s", "z", "y"]).load(tmp_path)
    assert graph.outputs == ["y"]
    assert len(graph.warnings) == 2


@pytest.mark.parametrize("opset", [1, 6])
def test_an_opset_that_is_too_old(opset, tmp_path):
    refused(Case([node("Relu", "x")], opset=opset), f"opset {opset}", "11 to 20", folder=tmp_path)


@pytest.mark.parametrize(("opset", "warned"), [(9, 1), (11, 0), (20, 0), (22, 1)])
def test_opsets_outside_of_the_tested_range_warn(opset, warned, tmp_path):
    graph = Case([node("Relu", "x")], opset=opset).load(tmp_path)
    assert len(graph.warnings) == warned


def test_a_model_without_an_opset(tmp_path):
    proto = RELU.proto()
    del proto.opset_import[:]
    refused(saved(proto, tmp_path), "declares no operator set")


@pytest.mark.parametrize(
    ("dims", "words"),
    [
        (("N", 3, 8, 8), ("input 'x'", "dimension 0 is dynamic ('N')", "--batch 1", "x=1x3x8x8")),
        ((None, 3, 8, 8), ("dimension 0 is dynamic", "--batch 1")),
        (("N", 3, "H", "W"), ("dimension 0 is dynamic ('N')", "--shape x=1x3x224x224")),
        ((1, 3, 8, "W"), ("dimension 3 is dynamic ('W')", "--shape x=1x3x8x224")),
        (("batch", "tokens"), ("--shape x=1x128",)),
    ],
)
def test_dynamic_dimensions(dims, words, tmp_path):
    refused(Case([node("Relu", "x")], {"x": (dims, "f")}), *words, folder=tmp_path)


def test_an_input_without_a_shape(tmp_path):
    proto = RELU.proto()
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    path = saved(proto, tmp_path)
    refused(path, "input 'x'", "no shape", "--shape x=")
    assert import_onnx(path, shapes={"x": (1, 2)}).tensor("y").shape == (1, 2)


def test_options_that_do_not_fit(tmp_path):
    refused(RELU, "there is no input 'z'", "x", folder=tmp_path, shapes={"z": (1,)})
    refused(RELU, "2 dimensions", "1x4x6x6", folder=tmp_path, shapes={"x": (1, 2)})
    refused(RELU, "not positive", folder=tmp_path, shapes={"x": (1, 4, 0, 6)})
    refused(RELU, "batch 0", folder=tmp_path, batch=0)


def test_inputs_that_are_no_numbers(tmp_path):
    proto = RELU.proto()
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING
    refused(saved(proto, tmp_path), "input 'x'", "element type")
    proto.graph.input[0].CopyFrom(
        helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, None)
    )
    refused(saved(proto, tmp_path), "input 'x'", "no tensor")


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([node("Add", "x")], ("'y' (Add)", "1 of its 2 required")),
        ([node("Conv", "x _")], ("'y' (Conv)", "1 of its 2 required")),
        ([node("Relu", "x x")], ("2 inputs", "at most 1")),
        ([node("Relu", "z")], ("'y' (Relu)", "'z' is given by no node")),
        ([node("Relu", "x"), node("Tanh", "x")], ("'y' is written twice",)),
        ([node("Relu", "x", "x")], ("'x' is written twice",)),
        ([node("Relu", "y", "z"), node("Relu", "z")], ("cycle",)),
        ([node("Relu", "x", "")], ("no output",)),
        ([node("MaxPool", "x")], ("'y' (MaxPool)", "kernel_shape")),
        ([node("MaxPool", "x", kernel_shape=[3])], ("kernel_shape",)),
        ([node("MaxPool", "x", kernel_shape=[9, 9])], ("'y' (MaxPool)", "larger")),
        ([node("DepthToSpace", "x")], ("malformed", "blocksize")),
        ([node("Softmax", "x", axis=4)], ("no axis 4", "rank is 4")),
        ([node("Concat", "x x", axis=7)], ("no axis 7",)),
        ([node("Reshape", "x five")], ("1x4x6x6 does not reshape",)),
        ([node("Reshape", "x open")], ("does not reshape",)),
        ([node("Split", "x uneven", "y z", axis=1)], ("do not split 4",)),
        ([node("Gather", "x five", axis=1)], ("outside of 4 elements",)),
        ([node("Resize", "x")], ("neither scales nor sizes",)),
        ([node("Resize", "x _ channels")], ("not supported",)),
        (
            [
                node("ReduceMax", "x", "m", keepdims=0),
                node("Loop", "_ m x", body=RELU.proto().graph),
            ],
            ("how often its loop runs", "unrolled"),
        ),
        ([node("Einsum", "x", equation="ij->ji")], ("does not fit its operand",)),
        ([node("Einsum", "x", equation="abcd,ef->a")], ("2 operands, not 1",)),
        ([node("NonZero", "x")], ("'y' (NonZero)", "not supported", "shape is not known")),
        ([node("a.b:Custom", "x")], ("'y' (a.b:Custom)", "not supported", "cut the model")),
        ([node("Shape", "x", "s"), node("Add", "s five", "t"), node("Relu", "x")], ("do not fit",)),
        ([node("SequenceAt", "x five")], ("not known at import",)),
        ([node("Conv", "x w", kernel_shape=[5, 5])], ("contradicts kernel_shape",)),
    ],
    ids=lambda value: value[-1].op_type if isinstance(value[0], type(node("Relu", "x"))) else "",
)
def test_nodes_that_cannot_be_imported(nodes, words, tmp_path):
    weights = {
        "five": np.array([5, 5, 5]),
        "open": [-1, -1],
        "uneven": [1, 2],
        "channels": [1.0, 2.0, 1.0, 1.0],
        "w": np.ones((2, 4, 3, 3)),
    }
    refused(Case(nodes, weights=weights), "case.onnx", *words, folder=tmp_path)


def test_shapes_that_depend_on_values(tmp_path):
    inputs = {"x": (1, 4), "s": ((2,), "i")}
    refused(Case([node("Reshape", "x s")], inputs), "'s' is not constant", folder=tmp_path)
    refused(Case([node("ConstantOfShape", "s")], inputs), "not constant", folder=tmp_path)
    branch = RELU.proto().graph
    condition = {"x": (1, 4), "c": ((1,), "b")}
    nodes = [node("If", "c", then_branch=branch, else_branch=branch)]
    refused(Case(nodes, condition), "decided at run time", folder=tmp_path)


def test_nodes_out_of_order_are_sorted(tmp_path):
    nodes = [node("Relu", "a"), node("Tanh", "b", "a"), node("Exp", "x", "b")]
    graph = Case(nodes).load(tmp_path)
    assert [op.attrs.mode for op in list(graph)[:2]] == ["exp", "tanh"]


def test_names_of_ops(tmp_path):
    nodes = [node("Relu", "x", "a"), node("Relu", "a", "b"), node("Relu", "b", "c"),
             node("Relu", "c")]  # fmt: skip
    for proto, name in zip(nodes, ("/stem/relu", "twice", "twice", ""), strict=True):
        proto.name = name
    assert [op.name for op in Case(nodes).load(tmp_path)] == ["/stem/relu", "b", "c", "y"]


def with_external(dims, folder, location="weights.bin"):
    """A Conv whose filter of these dimensions lies in another file."""
    proto = Case([node("Conv", "x w")]).proto()
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    proto.graph.initializer.append(tensor)
    return proto


def test_weights_may_be_absent(tmp_path):
    graph = import_onnx(saved(with_external((2, 4, 3, 3), tmp_path), tmp_path))
    assert graph.params() == 72


def test_small_external_constants_are_read_if_they_are_there(tmp_path):
    proto = Case([node("Reshape", "x s")], {"x": (2, 6)}).proto()
    tensor = TensorProto(name="s", data_type=TensorProto.INT64, dims=[2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    proto.graph.initializer.append(tensor)
    path = saved(proto, tmp_path)
    refused(path, "'s' is missing its data")
    (tmp_path / "weights.bin").write_bytes(np.array([3, 4], np.int64).tobytes())
    assert import_onnx(path).tensor("y").shape == (3, 4)
    (tmp_path / "weights.bin").write_bytes(b"123")
    refused(path, "initializer 's'", "cannot be read")


def test_initializers_that_are_listed_as_inputs_are_no_inputs(tmp_path):
    case = Case([node("Conv", "x w")], weights={"w": np.ones((2, 4, 3, 3))})
    proto = case.proto()
    proto.graph.input.append(helper.make_tensor_value_info("w", 1, (2, 4, 3, 3)))
    graph = import_onnx(saved(proto, tmp_path), batch=3)
    assert graph.inputs == ["x"]
    proto.graph.initializer.append(numpy_helper.from_array(np.ones(1), "w"))
    refused(saved(proto, tmp_path), "'w' is defined twice")
    proto.graph.initializer[1].CopyFrom(helper.make_tensor("t", TensorProto.STRING, [1], [b"a"]))
    refused(saved(proto, tmp_path), "initializer 't'", "element type")


def test_damaged_bytes_never_raise_anything_else(tmp_path):
    nodes = [node("Conv", "x w b", "c", strides=[2, 2]), node("Shape", "c", "s"),
             node("Reshape", "c s", "r"), node("Split", "r k", "p q", axis=1),
             node("Add", "p q")]  # fmt: skip
    weights = {"w": np.ones((4, 4, 3, 3)), "b": np.ones(4), "k": [2, 2]}
    path = Case(nodes, weights=weights).save(tmp_path)
    data = path.read_bytes()
    random = np.random.default_rng(3)
    for _ in range(300):
        damaged = bytearray(data)
        for at in random.integers(0, len(data), 3):
            damaged[at] = random.integers(0, 256)
        path.write_bytes(bytes(damaged))
        # anything but an LgsimError fails the test
        with contextlib.suppress(LgsimError):
            import_onnx(path)
