"""Global layers against the vendor's commands: (commands, GDMA cycles, BDC cycles) of each layer.

The figures are sums over reference/commands; sequences start with the table of a series where the
vendor's recording of the layer does not include it (softmax: one command and cycle more).
"""

from __future__ import annotations

import pytest
from single_op import Operand, outcome

from lgsim.graph.dtypes import DType
from lgsim.graph.ops import (
    Active,
    Add,
    Cast,
    Concat,
    LayerNorm,
    MulConst,
    OpKind,
    Permute,
    Softmax,
    SwapDimInner,
)

F32, F16, I8 = DType.F32, DType.F16, DType.I8
PATCHES, PATCH_ORDER = (3, 14, 16, 14, 16), (0, 2, 4, 1, 3, 5)
MASK = (8, 64, 3, 49, 49), (1, 64, 1, 49, 49)

CASES: list[tuple[OpKind, tuple[Operand, ...], tuple[int, int, int]]] = [
    # deit_tiny_f16, deit_tiny_f32, deit_tiny_b16_f16, deit_tiny_b16_int8
    (Permute(PATCH_ORDER), (((1, *PATCHES), F16),), (9, 92633, 4912)),
    (Permute(PATCH_ORDER), (((1, *PATCHES), F32),), (9, 125820, 7440)),
    (Permute(PATCH_ORDER), (((16, *PATCHES), F16),), (18, 1482180, 72832)),
    (Permute(PATCH_ORDER), (((16, *PATCHES), I8),), (9, 1236276, 55360)),
    (Permute((0, 2, 1, 3)), (((1, 197, 3, 64), F32),), (1, 5801, 0)),
    (Softmax(3), (((1, 3, 197, 197), F32),), (24, 19985, 4041)),
    (Concat(1), (((1, 1, 192), F32), ((1, 196, 192), F32)), (2, 5889, 0)),
    (Cast(F32), (((1, 1000), F16),), (3, 638, 1)),
    # efficientvit_m0
    (Permute((0, 2, 1)), (((4, 16, 49), F16),), (3, 538, 400)),
    (Permute((0, 2, 1)), (((4, 16, 49), I8),), (3, 538, 208)),
    (Softmax(2), (((4, 49, 49), F16),), (26, 2152, 541)),
    (Softmax(2), (((1, 16, 16), F16),), (25, 702, 108)),
    # swin_t and swin_t_b8
    (Permute((0, 2, 1)), (((1, 96, 3136), F16),), (3, 43811, 4704)),
    (Permute((0, 2, 1)), (((8, 96, 3136), F16),), (6, 350490, 37632)),
    (Permute((0, 2, 1)), (((8, 49, 768), F16),), (3, 133591, 1824)),
    (Permute((0, 1, 3, 2, 4, 5)), (((1, 8, 7, 8, 7, 96), F16),), (1, 23089, 0)),
    (Permute((0, 2, 1, 3)), (((64, 49, 3, 32), F32),), (1, 92358, 0)),
    (Softmax(3), (((512, 3, 49, 49), F16),), (251, 826883, 158761)),
    (Add(), tuple((shape, F16) for shape in MASK), (13, 322225, 1808)),
    (Add(), (((8, 16, 6, 49, 49), F16), ((1, 16, 1, 49, 49), F16)), (25, 159686, 7216)),
    (Add(), (((8, 4, 12, 49, 49), F16), ((1, 4, 1, 49, 49), F16)), (49, 79475, 14432)),
    (Add(), (((8, 4, 12, 49, 49), I8), ((1, 4, 1, 49, 49), I8)), (81, 39907, 15648)),
    (Active("gelu"), (((3136, 384), F32),), (192, 192515, 95916)),
    (Active("gelu"), (((784, 768), F32),), (128, 96259, 47960)),
    (MulConst(0.17), (((64, 3, 49, 32), F32),), (15, 48124, 320)),
    (MulConst(0.17), (((1, 24, 49, 32), F32),), (3, 6016, 37)),
    # resnet18_f32
    (Add(relu=True), (((1, 512, 7, 7), F32),) * 2, (10, 5738, 128)),
]


@pytest.mark.parametrize(("kind", "operands", "expected"), CASES)
def test_layer_is_the_vendors(
    kind: OpKind, operands: tuple[Operand, ...], expected: tuple[int, int, int]
) -> None:
    found = outcome(kind, *operands)
    assert (found.commands, found.gdma_cycles, found.bdc_cycles) == expected


@pytest.mark.parametrize(
    ("rows", "width", "dtype", "expected"),
    [
        ((1, 784), 384, F32, (17, 51905, 8546)),
        ((1, 49), 1536, F16, (20, 6913, 3923)),
        ((8, 49), 1536, F16, (40, 52586, 26501)),
    ],
)
def test_layernorm_is_the_vendors(
    rows: tuple[int, int], width: int, dtype: DType, expected: tuple[int, int, int]
) -> None:
    operands = (((*rows, width), dtype), ((width,), dtype), ((width,), dtype))
    found = outcome(LayerNorm(2), *operands, weights=2)
    assert (found.commands, found.gdma_cycles, found.bdc_cycles) == expected


@pytest.mark.parametrize(
    ("source", "target", "shape", "cycles"),
    [
        (F32, F16, (1, 3, 224, 224), (17220, 160)),
        (F32, I8, (1, 3, 224, 224), (13799, 640)),
        (F16, I8, (8, 3136, 96), (137784, 2368)),
        (I8, F16, (8, 49, 1536), (37746, 912)),
    ],
)
def test_cast_takes_the_vendors_time(
    source: DType, target: DType, shape: tuple[int, ...], cycles: tuple[int, int]
) -> None:
    found = outcome(Cast(target), (shape, source))
    # Each command rounds down by itself, and large casts are cut into other tiles.
    assert found.gdma_cycles == pytest.approx(cycles[0], abs=4)
    assert found.bdc_cycles == pytest.approx(cycles[1], rel=0.02)


def test_roll_moves_every_byte_once() -> None:
    found = outcome(SwapDimInner((0, 3, 0, 0)), ((1, 56, 56, 96), F16))
    assert found.commands == 2
    assert found.gdma_cycles == pytest.approx(602112 / 26.077, rel=1e-3)
