"""The builder: names by scope, weights that fit, and layers that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from lgsim.errors import LgsimError
from lgsim.graph import DType, Graph, Tensor, ops
from lgsim.graph.builder import GraphBuilder


def image(b: GraphBuilder, *shape: int) -> Tensor:
    return b.input("input", shape or (2, 8, 6, 6))


def finished(b: GraphBuilder, *outputs: Tensor) -> Graph:
    b.output(*outputs)
    return b.build()


def test_names_follow_scopes_and_count_repeats():
    b = GraphBuilder("net")
    x = image(b)
    with b.scope("layer1"):
        for number in range(2):
            with b.scope(f"block{number}"):
                x = b.relu(b.conv(x, 8, kernel=3, pad=1, name="conv"))
                x = b.relu(b.conv(x, 8, kernel=1))
    graph = finished(b, b.relu(x))
    assert [op.name for op in graph] == [
        "layer1/block0/conv", "layer1/block0/Relu", "layer1/block0/Conv", "layer1/block0/Relu_1",
        "layer1/block1/conv", "layer1/block1/Relu", "layer1/block1/Conv", "layer1/block1/Relu_1",
        "Relu",
    ]  # fmt: skip
    assert graph.op("layer1/block1/conv").inputs == (
        "layer1/block0/Relu_1", "layer1/block1/conv.weight", "layer1/block1/conv.bias",
    )  # fmt: skip


def test_a_name_given_twice_is_refused():
    b = GraphBuilder("net")
    x = image(b)
    b.linear(x, 4, name="fc")
    with pytest.raises(LgsimError, match=r"'fc.weight' is defined twice"):
        b.linear(x, 4, name="fc")


def test_weights_have_the_shapes_their_layers_need():
    b = GraphBuilder("net", DType.F16)
    x = image(b)
    x = b.conv(x, 16, kernel=(3, 1), stride=2, pad=(1, 0), groups=4, name="conv")
    x = b.deconv(x, 6, kernel=2, stride=2, groups=2, bias=False, name="up")
    x = b.layer_norm(x, axis=-2, name="ln")
    x = b.rms_norm(x, name="rms")
    x = b.linear(b.group_norm(b.batch_norm(x, name="bn"), 3, name="gn"), 5, name="fc")
    graph = finished(b, x)
    weights = {t.name: t.shape for t in graph.tensors if t.weight}
    assert weights == {
        "conv.weight": (16, 2, 3, 1), "conv.bias": (16,), "up.weight": (16, 3, 2, 2),
        "ln.weight": (6, 6), "ln.bias": (6, 6), "rms.weight": (6,), "bn.weight": (6,),
        "bn.bias": (6,), "gn.weight": (6,), "gn.bias": (6,), "fc.weight": (6, 5), "fc.bias": (5,),
    }  # fmt: skip
    assert {t.dtype for t in graph.tensors} == {DType.F16}
    assert x.shape == (2, 6, 6, 5)


def test_numbers_become_scalar_ops():
    b = GraphBuilder("net")
    x = image(b)
    x = b.div(b.mul(b.sub(b.add(x, 1), 2), 3), 4)
    assert [op.attrs for op in finished(b, x)] == [
        ops.AddConst(1.0), ops.AddConst(-2.0), ops.MulConst(3.0), ops.MulConst(0.25),
    ]  # fmt: skip


def run(graph: Graph, array: np.ndarray) -> np.ndarray:
    """Compute a graph of slices, squeezes, concatenations, reshapes and permutes."""
    values = {"input": array}
    for op in graph:
        x = values[op.inputs[0]]
        match op.attrs:
            case ops.Slice(starts, ends, steps):
                values[op.name] = x[tuple(map(slice, starts, ends, steps))]
            case ops.Squeeze(axes):
                values[op.name] = x.squeeze(axes)
            case ops.Concat(axis):
                values[op.name] = np.concatenate([values[name] for name in op.inputs], axis)
            case ops.Reshape(shape):
                values[op.name] = x.reshape(shape)
            case ops.Permute(order):
                values[op.name] = x.transpose(order)
        assert values[op.name].shape == graph.tensor(op.name).shape
    return values[graph.outputs[0]]


ARRAY = np.arange(2 * 8 * 6 * 6).reshape(2, 8, 6, 6)

LAYERS = {
    "roll back": (lambda b, x: b.roll(x, -2, axis=2), np.roll(ARRAY, -2, 2)),
    "roll forth": (lambda b, x: b.roll(x, 2, axis=-1), np.roll(ARRAY, 2, 3)),
    "select": (lambda b, x: b.select(x, axis=1, index=-1), ARRAY[:, -1]),
    "stride": (lambda b, x: b.slice(x, axis=2, start=1, step=2), ARRAY[:, :, 1::2]),
    "split": (lambda b, x: b.concat(b.split(x, [3, 5], 1)[::-1], 1),
              np.concatenate([ARRAY[:, 3:], ARRAY[:, :3]], 1)),
    "flatten": (lambda b, x: b.transpose(b.flatten(x, 2), -1, -2),
                ARRAY.reshape(2, 8, 36).swapaxes(1, 2)),
    "reshape": (lambda b, x: b.reshape(x, (4, -1, 6)), ARRAY.reshape(4, 24, 6)),
}  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_composed_layers_compute_what_numpy_does(layer):
    make, expected = LAYERS[layer]
    b = GraphBuilder("net")
    result = run(finished(b, make(b, image(b))), ARRAY)
    assert (result == expected).all()


def test_a_roll_by_a_whole_turn_is_nothing():
    b = GraphBuilder("net")
    x = image(b)
    assert b.roll(x, 6, axis=2) is x


def test_pools_fill_in_stride_and_window():
    b = GraphBuilder("net")
    x = b.max_pool(image(b), kernel=2)
    x = b.avg_pool(x, kernel=3, stride=1, pad=1)
    x = b.global_avg_pool(x)
    assert x.shape == (2, 8, 1, 1)
    assert [op.attrs for op in finished(b, x)] == [
        ops.Pool("max", (2, 2), (2, 2), (0,) * 4),
        ops.Pool("avg", (3, 3), (1, 1), (1,) * 4, count_include_pad=True),
        ops.Pool("avg", (3, 3), (1, 1), (0,) * 4),
    ]


def test_several_results():
    b = GraphBuilder("net")
    values, positions = b.results(ops.TopK(1, 3), image(b), count=2, name="top")
    graph = finished(b, positions)
    assert (values.name, positions.name) == ("top:0", "top:1")
    assert graph.producer("top:1").name == "top"


def test_unused_layers_are_dropped_with_a_warning():
    b = GraphBuilder("net")
    x = b.relu(image(b))
    b.sigmoid(x)
    graph = finished(b, x)
    assert len(graph) == 1
    assert "1 op(s)" in graph.warnings[0]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda b, x: b.softmax(x, axis=4), "there is no axis 4"),
        (lambda b, x: b.reshape(x, (-1, 5)), "does not reshape"),
        (lambda b, x: b.reshape(x, (-1, -1)), "does not reshape"),
        (lambda b, x: b.conv(x, 8, 3, groups=3, name="c"), "c: 8 channels do not form 3"),
        (lambda b, x: b.conv(x, 8, kernel=(3, 3, 3)), "Conv"),
        (lambda b, x: b.select(x, 1, 8), "there is no position 8"),
        (lambda b, x: b.split(x, [3, 4], 1), "do not split"),
        (lambda b, x: b.weight("w", (0, 3)), "w: shape"),
        (lambda b, x: b.build(), "no output was named"),
    ],
)
def test_mistakes_are_told(wrong, words):
    b = GraphBuilder("net")
    with pytest.raises(LgsimError, match=words):
        wrong(b, image(b))


def test_trained_parameters_count_what_is_folded():
    b = GraphBuilder("net")
    x = b.conv(image(b), 4, kernel=3, bias=False, norm=True)  # weight, shift; trained: scale too
    x = b.add(x, b.weight("mask", (4, 4), trained=0))
    x = b.mul(x, b.weight("gathered", (4, 4), trained=5))
    graph = finished(b, x)
    assert graph.params() == 8 * 4 * 9 + 4 + 16 + 16
    assert graph.trained_params == 8 * 4 * 9 + 2 * 4 + 5
    assert graph.copy().trained_params == graph.trained_params
