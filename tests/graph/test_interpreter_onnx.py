"""The interpreter computes what the ONNX reference computes, one op kind after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_oracle import agree, node, sample

X = {"x": sample(2, 3, 4)}
IMAGE = {"x": sample(2, 4, 6, 5)}
POSITIVE = {"x": sample(2, 3, 4, positive=True)}
BETWEEN = {"x": np.tanh(sample(2, 3, 4))}

# Some ops of the reference compute in single precision whatever they are given.
SINGLE = 1e-6

PLAIN = [
    "Abs", "Atan", "Asinh", "Ceil", "Celu", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor",
    "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "Neg", "Relu", "Round", "Selu", "Sigmoid",
    "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Tan", "Tanh", "ThresholdedRelu",
]  # fmt: skip


@pytest.mark.parametrize("op", PLAIN)
def test_function(op):
    agree([node(op, "x")], X, rtol=SINGLE)


@pytest.mark.parametrize(
    ("op", "attrs"),
    [
        ("Celu", {"alpha": 0.5}),
        ("Elu", {"alpha": 0.5}),
        ("HardSigmoid", {"alpha": 0.25, "beta": 0.25}),
        ("LeakyRelu", {"alpha": 0.25}),
        ("ThresholdedRelu", {"alpha": 0.5}),
    ],
)
def test_function_with_parameters(op, attrs):
    agree([node(op, "x", **attrs)], X)


@pytest.mark.parametrize("op", ["Log", "Sqrt", "Reciprocal"])
def test_function_of_positive_numbers(op):
    agree([node(op, "x")], POSITIVE)


@pytest.mark.parametrize("op", ["Acos", "Asin", "Atanh"])
def test_function_of_fractions(op):
    agree([node(op, "x")], BETWEEN)


def test_acosh():
    agree([node("Acosh", "x")], {"x": POSITIVE["x"] + 1})


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu(approximate):
    kinds = agree([node("Gelu", "x", approximate=approximate)], X, opset=20, rtol=SINGLE)
    assert kinds == ["Active"]


@pytest.mark.parametrize("op", ["IsNaN", "IsInf"])
def test_tests(op):
    agree([node(op, "x")], {"x": np.array([1.0, np.nan, np.inf, -np.inf])})


def test_clip_and_relu6():
    bounds = {"low": -0.5, "high": 0.75, "zero": 0.0, "six": 6.0}
    assert agree([node("Clip", "x low high")], X, bounds) == ["Clip"]
    assert agree([node("Clip", "x zero six")], {"x": 5 * X["x"]}, bounds) == ["Relu"]


def test_prelu():
    agree([node("PRelu", "x s")], IMAGE, {"s": sample(4, 1, 1)})


@pytest.mark.parametrize("to", [6, 7, 9])
def test_cast(to):
    nodes = [node("Cast", "x", "c", to=to), node("Cast", "c", to=11)]
    agree(nodes, {"x": 3 * X["x"]})


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"])
@pytest.mark.parametrize("operands", ["x w", "w x", "x c", "c x"])
def test_arithmetic(op, operands):
    agree([node(op, operands)], POSITIVE, {"w": sample(3, 1, positive=True), "c": 1.5})


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Mod"])
def test_arithmetic_of_integers(op):
    x = np.arange(-6, 6).reshape(3, 4)
    agree([node(op, "x w")], {"x": x, "w": np.full((3, 1), 4)})


@pytest.mark.parametrize("op", ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"])
@pytest.mark.parametrize("operands", ["x w", "x c", "c x"])
def test_comparison(op, operands):
    values = {"x": np.round(X["x"])}
    agree([node(op, operands)], values, {"w": np.zeros((3, 1)), "c": 1.0})


@pytest.mark.parametrize("op", ["And", "Or", "Xor"])
def test_logic(op):
    nodes = [node("Not", "a", "n"), node(op, "n b")]
    agree(nodes, {"a": X["x"] > 0, "b": sample(2, 3, 4, seed=1) > 0})


def test_where():
    agree([node("Where", "c x w")], {"c": X["x"] > 0, **X}, {"w": sample(3, 1)})


@st.composite
def windows(draw):
    """Attributes of a window op in 1 to 3 dimensions, and an input size that it fits."""
    rank = draw(st.integers(1, 3))

    def numbers(low, high, count=rank):
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    kernel, dilations = numbers(1, 3), numbers(1, 2)
    pads = [min(p, k - 1) for p, k in zip(numbers(0, 2, 2 * rank), kernel * 2, strict=True)]
    size = [d * (k - 1) + 1 + n for d, k, n in zip(dilations, kernel, numbers(0, 3), strict=True)]
    return {
        "kernel_shape": kernel, "strides": numbers(1, 3), "dilations": dilations, "pads": pads,
    }, size  # fmt: skip


few = settings(max_examples=25, deadline=None)


@few
@given(windows(), st.sampled_from([1, 2, 4]), st.booleans())
def test_conv(window, groups, bias):
    attrs, size = window
    weights = {"w": sample(8, 4 // groups, *attrs["kernel_shape"]), "b": sample(8)}
    conv = node("Conv", "x w b" if bias else "x w", group=groups, **attrs)
    agree([conv], {"x": sample(2, 4, *size)}, weights)


@few
@given(windows(), st.sampled_from([1, 2]), st.integers(0, 1))
def test_deconv(window, groups, extra):
    attrs, size = window
    attrs["pads"] = [0 if n == 1 else p for n, p in zip(size * 2, attrs["pads"], strict=True)]
    padding = [min(extra, stride - 1) for stride in attrs["strides"]]
    # the reference evaluates groups and three dimensions wrongly, so it gets one group at a time
    if len(size) == 3:
        attrs = {key: value[:2] + value[3:5] for key, value in attrs.items()}
        size, padding = size[:2], padding[:2]
    weights = {f"w{i}": sample(4, 3, *attrs["kernel_shape"], seed=i) for i in range(groups)}
    parts = [node("Split", "x", " ".join(f"x{i}" for i in range(groups)), axis=1,
                  num_outputs=groups)] if groups > 1 else [node("Identity", "x", "x0")]  # fmt: skip
    parts += [
        node("ConvTranspose", f"x{i} w{i}", f"p{i}", output_padding=padding, **attrs)
        for i in range(groups)
    ]
    separate = [*parts, node("Concat", " ".join(f"p{i}" for i in range(groups)), axis=1)]
    agree(separate, {"x": sample(2, 4 * groups, *size)}, weights)


@few
@given(windows(), st.sampled_from(["MaxPool", "AveragePool"]), st.booleans())
def test_pool(window, op, count):
    attrs, size = window
    # the reference mixes up unequal pads, and has errors with pads around a maximum
    attrs["pads"] = [0 if op == "MaxPool" else pad for pad in attrs["pads"][: len(size)]] * 2
    options = {"count_include_pad": int(count)} if op == "AveragePool" else {}
    agree([node(op, "x", **attrs, **options)], {"x": sample(2, 3, *size)}, opset=19)


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pool(op):
    agree([node(op, "x")], IMAGE)


def test_lp_pool():
    agree([node("LpPool", "x", kernel_shape=[2, 3], strides=[2, 1], p=2)], IMAGE)


@pytest.mark.parametrize(
    ("x", "w"),
    [((4,), (4, 3)), ((2, 5, 4), (4,)), ((2, 5, 4), (4, 3)), ((5, 4), (2, 4, 3)),
     ((2, 1, 5, 4), (3, 4, 6)), ((4,), (4,))],
)  # fmt: skip
def test_matmul(x, w):
    agree([node("MatMul", "x w")], {"x": sample(*x), "w": sample(*w)})


@pytest.mark.parametrize("left", [0, 1])
@pytest.mark.parametrize("right", [0, 1])
def test_gemm(left, right):
    inputs = {"x": sample(*(4, 3) if left else (3, 4)), "w": sample(*(5, 4) if right else (4, 5))}
    gemm = node("Gemm", "x w b", transA=left, transB=right, alpha=0.5, beta=2.0)
    agree([gemm], {**inputs, "b": sample(3, 5)})


@pytest.mark.parametrize("equation", ["bhid,bhjd->bhij", "bhij,bhjd->bihd", "bhid,bhid,hd->bi"])
def test_einsum(equation):
    sizes = {"b": 2, "h": 3, "i": 4, "j": 5, "d": 2}
    terms = equation.partition("->")[0].split(",")
    inputs = {f"x{i}": sample(*(sizes[c] for c in term)) for i, term in enumerate(terms)}
    agree([node("Einsum", " ".join(inputs), equation=equation)], inputs)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_softmax(op, axis):
    agree([node(op, "x", axis=axis)], {"x": 40 * X["x"]})


@pytest.mark.parametrize("axis", [1, 2])
def test_layer_norm(axis):
    weights = {name: sample(*(3, 4)[axis - 1 :], seed=i) for i, name in enumerate("sb")}
    agree([node("LayerNormalization", "x s b", axis=axis)], X, weights, rtol=1e-5)


def test_instance_norm():
    agree([node("InstanceNormalization", "x s b")], IMAGE, {"s": sample(4), "b": sample(4)})


def test_lrn():
    attrs = {"size": 3, "alpha": 0.5, "beta": 0.75, "bias": 2.0}
    image = {"x": sample(4, 4, 3, 2)}  # the reference mistakes the batch for the channels
    agree([node("LRN", "x", **attrs)], image, rtol=SINGLE)
    agree([node("LRN", "x", **{**attrs, "size": 2})], image, rtol=SINGLE)


@pytest.mark.parametrize("op", ["Max", "Mean", "Min", "Prod", "Sum", "L1", "L2", "LogSum",
                                "LogSumExp", "SumSquare"])  # fmt: skip
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reduce(op, keepdims):
    agree([node(f"Reduce{op}", "x axes", keepdims=keepdims)], POSITIVE, {"axes": [-1, 0]})


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
def test_position(op):
    agree([node(op, "x", axis=1, keepdims=0)], X)


@pytest.mark.parametrize("largest", [0, 1])
def test_top_k(largest):
    top = node("TopK", "x k", "y i", axis=1, largest=largest)
    agree([top], X, {"k": [2]}, outputs="y i")


@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("reverse", [0, 1])
def test_running_sum(exclusive, reverse):
    agree([node("CumSum", "x a", exclusive=exclusive, reverse=reverse)], X, {"a": 1})


@pytest.mark.parametrize(
    ("op", "given"),
    [
        ("Reshape", [0, -1]),
        ("Expand", [5, 2, 3, 4]),
        ("Tile", [2, 1, 3]),
        ("Unsqueeze", [0, -1]),
        ("Pad", [0, 1, 2, 0, 2, 1]),
    ],
)
def test_layout(op, given):
    agree([node(op, "x k")], X, {"k": given})


def test_layout_without_shapes():
    agree([node("Transpose", "x", perm=[2, 0, 1])], X)
    agree([node("Squeeze", "x k")], {"x": sample(1, 3, 1)}, {"k": [0]})
    agree([node("Concat", "x w", axis=1)], X, {"w": sample(2, 2, 4)})


@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
def test_pad_modes(mode):
    agree([node("Pad", "x k", mode=mode)], X, {"k": [0, 1, 2, 0, 2, 1]}, opset=19)


@pytest.mark.parametrize(
    "bounds",
    [([1], [-1], [1], [1]), ([0, 1], [2, 9], [0, 2], [1, 2]), ([-1], [-9], [2], [-2])],
)
def test_slice(bounds):
    agree([node("Slice", "x s e a t")], X, dict(zip("seat", bounds, strict=True)))


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space(mode):
    agree([node("DepthToSpace", "x", blocksize=2, mode=mode)], {"x": sample(2, 12, 2, 3)})


def test_space_to_depth():
    agree([node("SpaceToDepth", "x", blocksize=2)], {"x": sample(2, 3, 4, 6)})


def test_gather():
    agree([node("Gather", "x i", axis=1)], X, {"i": [[2, 0], [-1, 1]]})
    agree([node("Gather", "w x")], {"x": np.array([[0, 2], [1, -1]])}, {"w": sample(3, 4)})
    index = {"i": np.array([[[0, -1, 1, 0]], [[1, 1, 2, -2]]])}
    agree([node("GatherElements", "x i", axis=1)], {**X, **index})


@pytest.mark.parametrize(
    ("batch", "index"), [(0, [[1, 2], [0, -1]]), (0, [[[1, 0, 3]]]), (1, [[2], [0]])]
)
def test_gather_nd(batch, index):
    agree([node("GatherND", "x i", batch_dims=batch)], {**X, "i": np.array(index)})


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "min", "max"])
def test_scatter(reduction):
    index = np.array([[[2, 0, -1, 1]]])
    elements = {**X, "i": index, "u": sample(1, 1, 4)}
    agree([node("ScatterElements", "x i u", axis=1, reduction=reduction)], elements)
    slices = {**X, "i": np.array([[1, 2], [0, 1]]), "u": sample(2, 4)}
    agree([node("ScatterND", "x i u", reduction=reduction)], slices)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_one_hot(axis):
    weights = {"d": 4, "v": np.array([-1.0, 2.0])}
    agree([node("OneHot", "x d v", axis=axis)], {"x": np.array([[0, 3], [-1, 1]])}, weights)


@pytest.mark.parametrize(
    "coordinates",
    ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric"],
)
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("size", [(8, 3), (5, 9), (2, 12)])
def test_resize(mode, coordinates, size):
    resize = node("Resize", "x _ _ s", mode=mode, coordinate_transformation_mode=coordinates,
                  nearest_mode="floor" if coordinates == "asymmetric" else "round_prefer_floor",
                  )  # fmt: skip
    agree([resize], {"x": sample(1, 2, 4, 6)}, {"s": [1, 2, *size]}, opset=19, rtol=SINGLE)


def test_nearest_resize_by_a_whole_number_is_an_upsample():
    resize = node("Resize", "x _ s", mode="nearest", nearest_mode="floor",
                  coordinate_transformation_mode="asymmetric")  # fmt: skip
    kinds = agree([resize], IMAGE, {"s": np.array([1, 1, 2, 3], np.float32)})
    assert kinds == ["Upsample"]


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("bias", [False, True])
def test_lstm(direction, bias):
    count = 2 if direction == "bidirectional" else 1
    weights = {"w": sample(count, 12, 4), "r": sample(count, 12, 3), "b": sample(count, 24)}
    lstm = node("LSTM", "x w r b" if bias else "x w r", "y h c", hidden_size=3, direction=direction)
    agree([lstm], {"x": sample(5, 2, 4)}, weights, outputs="y h c", opset=14)


def test_rnn():
    weights = {"w": sample(1, 3, 4), "r": sample(1, 3, 3), "b": sample(1, 6)}
    rnn = node("RNN", "x w r b", "y h", hidden_size=3)
    agree([rnn], {"x": sample(5, 2, 4)}, weights, outputs="y h", opset=14)


@pytest.mark.parametrize("linear", [0, 1])
def test_gru(linear):
    weights = {"w": sample(1, 9, 4), "r": sample(1, 9, 3), "b": sample(1, 18)}
    gru = node("GRU", "x w r b _ s", "y h", hidden_size=3, linear_before_reset=linear)
    inputs = {"x": sample(5, 2, 4), "s": sample(1, 2, 3)}
    agree([gru], inputs, weights, outputs="y h", opset=14)
