"""Shape rules of windows, resampling, indices and recurrence against ONNX's own inference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from lgsim.errors import LgsimError
from lgsim.graph import DType, TensorType, ops

CODES = {DType.F32: TensorProto.FLOAT, DType.I64: TensorProto.INT64}


def onnx_shapes(
    op_type: str,
    inputs: Sequence[TensorType],
    outputs: int = 1,
    constants: Sequence[np.ndarray] = (),
    **attributes: object,
) -> list[tuple[int, ...]]:
    """Output shapes by onnx.shape_inference; `constants` follow the inputs."""
    names = [f"x{i}" for i in range(len(inputs))]
    values = [
        helper.make_tensor_value_info(name, CODES[x.dtype], x.shape)
        for name, x in zip(names, inputs, strict=True)
    ]
    held = [numpy_helper.from_array(array, f"c{i}") for i, array in enumerate(constants)]
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op_type, names + [c.name for c in held], results, **attributes)
    untyped = [onnx.ValueInfoProto(name=name) for name in results]
    graph = helper.make_graph([node], "g", values, untyped, initializer=held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    return [
        tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        for value in inferred.graph.output
    ]


def shapes_of(attrs: ops.OpKind, *inputs: TensorType) -> list[tuple[int, ...]]:
    return [output.shape for output in attrs.infer(inputs)]


def f32(*shape: int) -> TensorType:
    return TensorType(shape, DType.F32)


def i64(*shape: int) -> TensorType:
    return TensorType(shape, DType.I64)


@st.composite
def windows(draw: st.DrawFn) -> dict[str, list[int]]:
    """Attributes of a window op in 1 to 3 dimensions, in ONNX's words, and an input size."""
    rank = draw(st.integers(1, 3))

    def numbers(low: int, high: int, count: int = rank) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    kernel = numbers(1, 4)
    return {
        "kernel_shape": kernel,
        "strides": numbers(1, 3),
        "dilations": numbers(1, 2),
        "pads": [min(p, k - 1) for p, k in zip(numbers(0, 3, 2 * rank), kernel * 2, strict=True)],
        "size": numbers(1, 9),
    }


relaxed = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def attribute_tuples(window: dict[str, list[int]]) -> list[tuple[int, ...]]:
    return [tuple(window[key]) for key in ("kernel_shape", "strides", "pads", "dilations")]


@given(windows(), st.sampled_from([1, 2, 4]))
@relaxed
def test_conv_and_pool(window, groups):
    size = window.pop("size")
    kernel, strides, pads, dilations = attribute_tuples(window)
    x, weight = f32(2, 4, *size), f32(8, 4 // groups, *kernel)
    conv = ops.Conv(kernel, strides, pads, dilations, groups)
    pool = ops.Pool("max", kernel, strides, pads, dilations=dilations)
    rank = len(kernel)
    fits = all(
        size[i] + pads[i] + pads[rank + i] > dilations[i] * (kernel[i] - 1) for i in range(rank)
    )
    if not fits:
        for attrs, inputs in ((conv, [x, weight]), (pool, [x])):
            with pytest.raises(LgsimError, match="larger than the padded input"):
                attrs.infer(inputs)
        return
    assert shapes_of(conv, x, weight) == onnx_shapes("Conv", [x, weight], group=groups, **window)
    assert shapes_of(pool, x) == onnx_shapes("MaxPool", [x], **window)
    assert (conv.kind, pool.kind) == (f"Conv{rank}D", f"Pool{rank}D")


@given(windows(), st.sampled_from([1, 2, 4]), st.integers(0, 1))
@relaxed
def test_deconv(window, groups, extra):
    size = window.pop("size")
    kernel, strides, pads, dilations = attribute_tuples(window)
    x, weight = f32(2, 4, *size), f32(4, 3, *kernel)
    extras = tuple(min(extra, s - 1) for s in strides)
    attrs = ops.Deconv(kernel, strides, pads, dilations, extras, groups)
    expected = onnx_shapes(
        "ConvTranspose", [x, weight], group=groups, output_padding=list(extras), **window
    )
    if min(expected[0]) < 1:
        with pytest.raises(LgsimError, match="empty"):
            attrs.infer([x, weight])
    else:
        assert shapes_of(attrs, x, weight) == expected


@pytest.mark.parametrize("directions", [1, 2])
def test_recurrent_layers(directions):
    direction = "bidirectional" if directions == 2 else "forward"
    steps, batch, features, hidden = 7, 3, 5, 4
    for attrs, op_type in (
        (ops.LSTM(hidden, directions), "LSTM"),
        (ops.GRU(hidden, directions), "GRU"),
        (ops.RNN(hidden, directions), "RNN"),
    ):
        rows = attrs.gates * hidden
        inputs = [
            f32(steps, batch, features),
            f32(directions, rows, features),
            f32(directions, rows, hidden),
            f32(directions, 2 * rows),
        ]
        assert shapes_of(attrs, *inputs) == onnx_shapes(
            op_type, inputs, attrs.states + 1, hidden_size=hidden, direction=direction
        )
        weights = rows * (features + hidden)
        assert attrs.macs(inputs, attrs.infer(inputs)) == steps * batch * directions * weights


@pytest.mark.parametrize(
    ("op_type", "attrs", "inputs", "attributes"),
    [
        ("GatherElements", ops.GatherElements(1), [f32(3, 4), i64(2, 9)], {"axis": 1}),
        ("GatherND", ops.GatherND(), [f32(3, 4, 5), i64(7, 2)], {}),
        ("GatherND", ops.GatherND(1), [f32(3, 4, 5), i64(3, 6, 1)], {"batch_dims": 1}),
        ("ScatterND", ops.ScatterND(), [f32(3, 4, 5), i64(7, 2), f32(7, 5)], {}),
        ("ScatterElements", ops.ScatterElements(0), [f32(3, 4), i64(2, 4), f32(2, 4)], {"axis": 0}),
        ("DepthToSpace", ops.Depth2Space(2, 2), [f32(1, 8, 3, 5)], {"blocksize": 2}),
        ("SpaceToDepth", ops.Depth2Space(2, 2, inverse=True), [f32(1, 3, 4, 6)], {"blocksize": 2}),
        ("GridSample", ops.GridSampler(), [f32(2, 3, 8, 9), f32(2, 5, 6, 2)], {}),
        ("Where", ops.Where(), [i64(4, 1), f32(3, 1, 5), f32(1)], {}),
        ("Softmax", ops.Softmax(2), [f32(2, 3, 4)], {"axis": 2}),
        ("PRelu", ops.PRelu(), [f32(2, 3, 4), f32(3, 1)], {}),
    ],
)
def test_operands_only(op_type, attrs, inputs, attributes):
    if op_type == "Where":  # ONNX wants a boolean condition; the rule reads its shape only
        expected = [np.broadcast_shapes(*(x.shape for x in inputs))]
    else:
        expected = onnx_shapes(op_type, inputs, **attributes)
    assert shapes_of(attrs, *inputs) == expected


@pytest.mark.parametrize(
    ("op_type", "attrs", "x", "constants", "outputs", "attributes"),
    [
        ("TopK", ops.TopK(1, 3), f32(2, 9), [np.array([3])], 2, {"axis": 1}),
        ("Tile", ops.Tile((2, 3)), f32(2, 9), [np.array([2, 3])], 1, {}),
        ("CumSum", ops.CumSum(1), f32(2, 9), [np.array(1)], 1, {}),
        ("OneHot", ops.OneHot(6, 1), i64(2, 9), [np.array(6), np.zeros(2, "f4")], 1, {"axis": 1}),
        ("Resize", ops.Interp((5, 11)), f32(1, 3, 8, 9),
         [np.zeros(0, "f4"), np.zeros(0, "f4"), np.array([1, 3, 5, 11])], 1, {"mode": "linear"}),
        ("Resize", ops.Upsample(2, 3), f32(1, 3, 8, 9),
         [np.zeros(0, "f4"), np.array([1, 1, 2, 3], "f4")], 1, {"mode": "nearest"}),
    ],
)  # fmt: skip
def test_with_constants(op_type, attrs, x, constants, outputs, attributes):
    assert shapes_of(attrs, x) == onnx_shapes(op_type, [x], outputs, constants, **attributes)
