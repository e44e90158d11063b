"""Networks whose ops the importer fuses still compute what the ONNX reference computes."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
import pytest
from onnx_oracle import agree, node, sample

X = {"x": sample(2, 3, 4)}
IMAGE = {"x": sample(2, 4, 6, 5)}
SINGLE = 1e-6  # the reference's Erf computes in single precision

NUMBERS = {"half": 0.5, "one": 1.0, "two": 2.0, "three": 3.0, "zero": 0.0, "six": 6.0,
           "sixth": 1 / 6, "eps": 1e-5, "root_two": sqrt(2), "root": sqrt(2 / pi),
           "cube": 0.044715, "last": [-1]}  # fmt: skip


def check(nodes, inputs, expected, weights=None, **options):
    """Compare, where the numbers that the nodes name are constants of the model."""
    used = {name for n in nodes for name in n.input}
    numbers = {name: value for name, value in NUMBERS.items() if name in used}
    assert agree(nodes, inputs, {**numbers, **(weights or {})}, **options) == expected


def test_gelu():
    nodes = [
        node("Div", "x root_two", "a"),
        node("Erf", "a", "b"),
        node("Add", "b one", "c"),
        node("Mul", "x c", "d"),
        node("Mul", "d half"),
    ]
    check(nodes, X, ["Active"], rtol=SINGLE)


def test_gelu_by_tanh():
    nodes = [
        node("Pow", "x three", "a"),
        node("Mul", "a cube", "b"),
        node("Add", "x b", "c"),
        node("Mul", "c root", "d"),
        node("Tanh", "d", "e"),
        node("Add", "e one", "f"),
        node("Mul", "x half", "g"),
        node("Mul", "g f"),
    ]
    check(nodes, X, ["Active"])


def test_silu():
    check([node("Sigmoid", "x", "a"), node("Mul", "x a")], X, ["Active"])


def test_mish():
    nodes = [node("Softplus", "x", "a"), node("Tanh", "a", "b"), node("Mul", "x b")]
    check(nodes, X, ["Active"])


@pytest.mark.parametrize("last", ["Div six", "Mul sixth"])
def test_hard_swish(last):
    op, number = last.split()
    nodes = [
        node("Add", "x three", "a"),
        node("Clip", "a zero six", "b"),
        node("Mul", "x b", "c"),
        node(op, f"c {number}"),
    ]
    check(nodes, {"x": 3 * X["x"]}, ["Active"])


def test_hard_swish_by_hard_sigmoid():
    nodes = [node("HardSigmoid", "x", "a", alpha=1 / 6, beta=0.5), node("Mul", "x a")]
    check(nodes, {"x": 3 * X["x"]}, ["Active"], rtol=SINGLE)


def test_layer_norm():
    nodes = [
        node("ReduceMean", "x last", "m"),
        node("Sub", "x m", "c"),
        node("Pow", "c two", "q"),
        node("ReduceMean", "q last", "v"),
        node("Add", "v eps", "e"),
        node("Sqrt", "e", "s"),
        node("Div", "c s", "n"),
        node("Mul", "n scale", "z"),
        node("Add", "z bias"),
    ]
    check(nodes, X, ["LayerNorm"], {"scale": sample(4), "bias": sample(4, seed=1)})


def test_rms_norm():
    nodes = [
        node("Pow", "x two", "q"),
        node("ReduceMean", "q last", "v"),
        node("Add", "v eps", "e"),
        node("Sqrt", "e", "s"),
        node("Div", "x s", "n"),
        node("Mul", "n scale"),
    ]
    check(nodes, X, ["RMSNorm"], {"scale": sample(4)})


def test_group_norm():
    nodes = [
        node("Reshape", "x grouped", "g"),
        node("InstanceNormalization", "g ones zeros", "n"),
        node("Reshape", "n shape", "r"),
        node("Mul", "r scale", "m"),
        node("Add", "m bias"),
    ]
    weights = {
        "grouped": [2, 2, -1],
        "ones": np.ones(2),
        "zeros": np.zeros(2),
        "shape": [2, 4, 6, 5],
        "scale": sample(4, 1, 1),
        "bias": sample(4, 1, 1, seed=1),
    }
    check(nodes, IMAGE, ["GroupNorm"], weights)


def test_bias_of_a_matmul_and_of_a_convolution():
    nodes = [node("MatMul", "x w", "p"), node("Add", "p b")]
    check(nodes, X, ["MatMul"], {"w": sample(4, 5), "b": sample(5)})
    nodes = [node("Conv", "x w", "p"), node("Add", "p b")]
    check(nodes, IMAGE, ["Conv2D"], {"w": sample(3, 4, 2, 2), "b": sample(3, 1, 1)})


def test_pads_of_a_convolution():
    nodes = [node("Pad", "x pads", "p"), node("Conv", "p w")]
    weights = {"pads": [0, 0, 1, 0, 0, 0, 0, 2], "w": sample(3, 4, 2, 2)}
    check(nodes, IMAGE, ["Conv2D"], weights)


class BatchNorm:
    """Parameters of a BatchNorm of four channels, and the scale and bias they amount to."""

    def __init__(self):
        self.weights = {name: sample(4, seed=i, positive=True) for i, name in enumerate("sbmv")}
        s, b, m, v = self.weights.values()
        self.scale = s / np.sqrt(v + 1e-5)
        self.bias = b - m * self.scale


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_batch_norm_is_folded(op, biased):
    """The importer keeps shapes of folded weights; these are the values that belong to them."""
    norm = BatchNorm()
    weights = {"w": sample(4, 4, 2, 3), "c": sample(4, seed=5)}
    nodes = [
        node(op, "x w c" if biased else "x w", "p"),
        node("BatchNormalization", "p s b m v"),
    ]
    along = (-1, 1, 1, 1) if op == "Conv" else (1, -1, 1, 1)
    folded = {"w": weights["w"] * norm.scale.reshape(along)}
    folded["c" if biased else "b"] = norm.bias + (weights["c"] * norm.scale if biased else 0)
    kind = "Conv2D" if op == "Conv" else "Deconv"
    check(nodes, IMAGE, [kind], {**weights, **norm.weights}, folded=folded)


def test_batch_norm_alone_is_a_scale():
    norm = BatchNorm()
    folded = {"s": norm.scale, "b": norm.bias}
    nodes = [node("BatchNormalization", "x s b m v")]
    check(nodes, IMAGE, ["Scale"], norm.weights, folded=folded)
