"""`evaluate` itself: values of weights, errors, and ops in forms that ONNX does not have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lgsim.errors import LgsimError
from lgsim.graph import DType, ops
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.interpreter import evaluate, supported, with_random_weights

X = np.random.default_rng(0).standard_normal((2, 8, 4, 6))
CUT = (0, 1, 0, 0)


def result(attrs, *operands):
    """The only result of one op on floating-point operands."""
    b = GraphBuilder("one")
    inputs = {f"x{i}": x for i, x in enumerate(operands)}
    b.output(b.op(attrs, *(b.input(name, x.shape) for name, x in inputs.items()), name="y"))
    return evaluate(b.build(), inputs)["y"]


def linear():
    b = GraphBuilder("linear")
    b.output(b.relu(b.linear(b.input("x", (2, 3)), 4, name="fc"), name="act"))
    return b.build()


@pytest.mark.parametrize("column_first", [False, True])
def test_space_to_depth_of_channels_last(column_first):
    x = X.transpose(0, 2, 3, 1)
    phases = [(i, j) for i in range(2) for j in range(3)]
    if column_first:
        phases = [(i, j) for j in range(3) for i in range(2)]
    expected = np.concatenate([x[:, i::2, j::3] for i, j in phases], axis=-1)
    attrs = ops.Depth2Space(2, 3, inverse=True, channels_last=True, column_first=column_first)
    np.testing.assert_array_equal(result(attrs, x), expected)


@pytest.mark.parametrize("dcr", [False, True])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("column_first", [False, True])
def test_depth_to_space_inverts_space_to_depth(dcr, channels_last, column_first):
    modes = {"dcr": dcr, "channels_last": channels_last, "column_first": column_first}
    there = ops.Depth2Space(2, 2, inverse=True, **modes)
    np.testing.assert_array_equal(result(ops.Depth2Space(2, 2, **modes), result(there, X)), X)


def test_roll():
    expected = np.concatenate([X[:, :, 1:], X[:, :, :1]], axis=2)
    np.testing.assert_array_equal(result(ops.SwapDimInner((0, 0, 1, 0)), X), expected)


def test_shuffled_channels():
    y = result(ops.ShuffleChannel(2), X)
    np.testing.assert_array_equal(y, X[:, [0, 4, 1, 5, 2, 6, 3, 7]])


@pytest.mark.parametrize("transposed", [False, True])
def test_heads_as_inner_batch(transposed):
    right = np.random.default_rng(1).standard_normal((2, 5, 4, 6) if transposed else (2, 6, 4, 5))
    attrs = ops.MatMul(right_transpose=transposed, hdim_is_batch=True)
    equation = "bmhk,bnhk->bmhn" if transposed else "bmhk,bkhn->bmhn"
    np.testing.assert_allclose(result(attrs, X, right), np.einsum(equation, X, right))


def test_groups_of_a_transposed_convolution():
    weight = np.random.default_rng(1).standard_normal((8, 3, 2, 2))
    attrs = ops.Deconv((2, 2), (2, 1), CUT, (1, 1), (1, 0), groups=2)
    halves = [
        result(replace(attrs, groups=1), x, w)
        for x, w in zip(np.split(X, 2, axis=1), np.split(weight, 2), strict=True)
    ]
    np.testing.assert_allclose(result(attrs, X, weight), np.concatenate(halves, axis=1))


def test_transposed_convolution_in_three_dimensions():
    """It is what multiplies with the transposed matrix of the convolution."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((1, 2, 3, 4, 5)), rng.standard_normal((1, 3, 2, 4, 2))
    weight = rng.standard_normal((3, 2, 2, 3, 2))
    window = ((2, 3, 2), (1, 1, 2), (0, 1, 0, 0, 1, 0), (1, 1, 1))
    there = result(ops.Conv(*window), x, weight)
    back = result(ops.Deconv(*window, (0, 0, 1)), y, weight)
    np.testing.assert_allclose((there * y).sum(), (x * back).sum())


@pytest.mark.parametrize(("mode", "fill"), [("max", -np.inf), ("avg", 0.0)])
def test_unequal_pads_of_a_pool(mode, fill):
    padded = np.pad(X, [(0, 0), (0, 0), (1, 0), (0, 2)], constant_values=fill)
    pool = ops.Pool(mode, (2, 3), (1, 2), (1, 0, 0, 2), count_include_pad=True)
    plain = ops.Pool(mode, (2, 3), (1, 2), (0,) * 4)
    np.testing.assert_allclose(result(pool, X), result(plain, padded))


WEIGHT = np.random.default_rng(3).standard_normal((8, 8, 1, 1))
WITH_RELU = [
    (ops.Add(), X, X[:, ::-1]),
    (ops.Sub(), X, X[:, ::-1]),
    (ops.Mul(), X, X[:, ::-1]),
    (ops.AddConst(0.1), X),
    (ops.SubConst(0.1), X),
    (ops.SubConst(0.1, reverse=True), X),
    (ops.MulConst(-2.0), X),
    (ops.Scale(), X, X[0, :, 0, 0], X[0, :, 1, 0]),
    (ops.MatMul(), X, X.swapaxes(2, 3)),
    (ops.Pool("avg", (2, 2), (1, 1), (0,) * 4), X),
    (ops.Conv((1, 1), (1, 1), (0,) * 4, (1, 1)), X, WEIGHT),
    (ops.Deconv((1, 1), (1, 1), (0,) * 4, (1, 1), (0, 0)), X, WEIGHT),
]


@pytest.mark.parametrize("case", WITH_RELU, ids=lambda case: case[0].kind)
def test_a_fused_relu_is_a_relu_behind(case):
    attrs, *operands = case
    plain = result(attrs, *operands)
    assert plain.min() < 0
    fused = replace(attrs, relu=True)
    np.testing.assert_array_equal(result(fused, *operands), np.maximum(plain, 0))
    if hasattr(attrs, "relu_limit"):
        limited = result(replace(fused, relu_limit=0.5), *operands)
        np.testing.assert_array_equal(limited, np.clip(plain, 0, 0.5))


def test_attention_is_what_its_parts_compute():
    rng = np.random.default_rng(2)
    x, keys, mask = (rng.standard_normal(s) for s in ((2, 3, 8), (2, 5, 8), (2, 1, 3, 5)))
    weights = [rng.standard_normal(s) for s in ((8, 4), (8, 4), (1, 1, 4), (8, 4), (4, 8), (8,))]
    attrs = ops.Attention(2, 2, 0.5, (False, True, False, True), True, 2)
    q = (x @ weights[0]).reshape(2, 3, 2, 2)
    k = (keys @ weights[1] + weights[2]).reshape(2, 5, 2, 2)
    v = (keys @ weights[3]).reshape(2, 5, 2, 2)
    scores = np.exp(0.5 * np.einsum("bmhd,bnhd->bhmn", q, k) + mask)
    scores /= scores.sum(-1, keepdims=True)
    context = np.einsum("bhmn,bnhd->bmhd", scores, v).reshape(2, 3, 4)
    expected = context @ weights[4] + weights[5]
    np.testing.assert_allclose(result(attrs, x, keys, *weights, mask), expected)


@pytest.mark.parametrize("mode", ["quick_gelu", "log_sigmoid", "rsqrt", "square"])
def test_functions_onnx_has_no_name_for(mode):
    x = np.abs(X)
    expected = {
        "quick_gelu": x / (1 + np.exp(-1.702 * x)),
        "log_sigmoid": -np.log(1 + np.exp(-x)),
        "rsqrt": x**-0.5,
        "square": x * x,
    }
    np.testing.assert_allclose(result(ops.Active(mode), x), expected[mode])


def test_every_float_is_computed_in_the_type_asked_for():
    graph = with_random_weights(linear())
    assert evaluate(graph, {"x": np.ones((2, 3))})["act"].dtype == np.float64
    single = evaluate(graph, {"x": np.ones((2, 3), np.float32)}, dtype=np.float32)
    assert single["act"].dtype == np.float32


def test_given_weights_come_before_those_of_the_graph():
    graph = with_random_weights(linear())
    weights = {"fc.weight": np.ones((3, 4)), "fc.bias": np.full(4, 0.5)}
    y = evaluate(graph, {"x": np.ones((2, 3))}, weights)
    np.testing.assert_array_equal(y["act"], np.full((2, 4), 3.5))


def test_all_tensors_on_demand():
    values = evaluate(with_random_weights(linear()), {"x": np.ones((2, 3))}, keep_all=True)
    assert set(values) == {"x", "fc.weight", "fc.bias", "fc", "act"}


def test_random_weights_belong_to_their_names():
    first, second = (with_random_weights(linear(), seed) for seed in (0, 1))
    again = with_random_weights(linear())
    for name in ("fc.weight", "fc.bias"):
        np.testing.assert_array_equal(first.tensor(name).data, again.tensor(name).data)
        assert not np.array_equal(first.tensor(name).data, second.tensor(name).data)
    assert linear().tensor("fc.weight").data is None


def test_random_weights_keep_values_and_give_valid_indices():
    b = GraphBuilder("table")
    table = b.weight("table", (2, 3), data=np.arange(6.0).reshape(2, 3))
    y = b.gather(table, b.weight("index", (4,), DType.I64), axis=0)
    b.output(b.op(ops.AddConst(1.0), y, name="y"))
    y = evaluate(with_random_weights(b.build()), {})["y"]
    np.testing.assert_array_equal(y, np.tile([1.0, 2.0, 3.0], (4, 1)))


def test_an_unknown_op_is_named():
    b = GraphBuilder("net")
    x = b.input("x", (2, 3))
    attrs = ops.Unknown("NonMaxSuppression", (x.type,))
    b.output(b.op(attrs, x, name="boxes"))
    assert not supported(attrs)
    with pytest.raises(LgsimError, match="does not know this op") as caught:
        evaluate(b.build(), {"x": np.zeros((2, 3))})
    assert caught.value.where == "net: Unknown 'boxes'"


def test_missing_and_misshapen_values_are_named():
    with pytest.raises(LgsimError, match="input 'x' is missing"):
        evaluate(linear(), {})
    with pytest.raises(LgsimError, match=r"weight 'fc\.weight' has no values"):
        evaluate(linear(), {"x": np.ones((2, 3))})
    with pytest.raises(LgsimError, match=r"'x' is \(3, 2\), not \(2, 3\)"):
        evaluate(linear(), {"x": np.ones((3, 2))})


def test_the_table_of_a_lowered_upsample_needs_no_values():
    b = GraphBuilder("up")
    table = b.weight("positions", (1, 12 * 8, 1, 2), DType.I16)
    b.output(b.op(ops.Upsample(3, 2), b.input("x", (2, 8, 4, 4)), table, name="y"))
    y = evaluate(b.build(), {"x": X[..., :4]})["y"]
    np.testing.assert_array_equal(y, np.kron(X[..., :4], np.ones((3, 2))))


def test_int8_graphs_are_refused():
    graph = with_random_weights(linear())
    graph.precision = "int8"
    with pytest.raises(LgsimError, match="lowered to int8"):
        evaluate(graph, {"x": np.ones((2, 3))})


def test_what_the_catalogue_cannot_say_is_refused():
    with pytest.raises(LgsimError, match="tf_crop_and_resize"):
        result(ops.Interp((2, 3), "linear", "tf_crop_and_resize"), X)
