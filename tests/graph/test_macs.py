"""MAC counts worked out by hand: convolution, deconvolution and matrix products, nothing else."""

from __future__ import annotations

import pytest

from lgsim.graph import DType, TensorType, ops

SQUARE = ((3, 3), (2, 2), (1, 1, 1, 1), (1, 1))


def f32(*shape: int) -> TensorType:
    return TensorType(shape, DType.F32)


@pytest.mark.parametrize(
    ("attrs", "inputs", "macs"),
    [
        # ResNet's first layer: 112·112 positions, 64 filters of 3·7·7 taps
        (ops.Conv((7, 7), (2, 2), (3, 3, 3, 3), (1, 1)),
         [f32(1, 3, 224, 224), f32(64, 3, 7, 7), f32(64)], 118_013_952),
        # a depthwise layer multiplies one channel per output
        (ops.Conv(*SQUARE, groups=32), [f32(2, 32, 8, 8), f32(32, 1, 3, 3)], 2 * 32 * 16 * 9),
        # each of the 4·4 input pixels of 8 channels meets 16 output channels and 9 taps
        (ops.Deconv(*SQUARE, (1, 1)), [f32(1, 8, 4, 4), f32(8, 16, 3, 3)], 16 * 8 * 16 * 9),
        (ops.Deconv(*SQUARE, (1, 1), groups=8), [f32(1, 8, 4, 4), f32(8, 1, 3, 3)], 16 * 8 * 9),
        # Swin's first qkv projection and its scores
        (ops.MatMul(), [f32(64, 49, 96), f32(96, 288), f32(288)], 64 * 49 * 96 * 288),
        (ops.MatMul(right_transpose=True), [f32(64, 3, 49, 32)] * 2, 64 * 3 * 49 * 49 * 32),
        # a batch of the right operand alone still multiplies
        (ops.MatMul(), [f32(5, 7), f32(3, 7, 11)], 3 * 5 * 7 * 11),
        (ops.Einsum("ij,jk->ik"), [f32(2, 3), f32(3, 4)], 24),
        (ops.Einsum("ij->ji"), [f32(2, 3)], 0),
        (ops.Add(), [f32(9, 9), f32(9)], 0),
        (ops.Softmax(1), [f32(9, 9)], 0),
        (ops.Pool("avg", *SQUARE[:3]), [f32(1, 8, 8, 8)], 0),
    ],
)  # fmt: skip
def test_macs(attrs, inputs, macs):
    assert attrs.macs(inputs, attrs.infer(inputs)) == macs
