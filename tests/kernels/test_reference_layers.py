"""Whole global layers of the vendor's plans, command by command."""

from __future__ import annotations

import pytest
from reference_layers import global_runs, rows, runs, schedule_rows
from single_op import schedule_of

from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Conv, MatMul, Pool
from lgsim.graph.ops.base import OpKind

F32, F16, I8, I32 = DType.F32, DType.F16, DType.I8, DType.I32

Case = tuple[str, str, int, OpKind, tuple[tuple[tuple[int, ...], DType], ...], int]

CASES: dict[str, Case] = {
    "classifier f32": (
        "resnet18_f32",
        "MatMul",
        0,
        MatMul(),
        (((1, 512), F32), ((512, 1000), F32), ((1000,), F32)),
        2,
    ),
    "classifier f16": (
        "resnet18_f16",
        "MatMul",
        0,
        MatMul(),
        (((1, 512), F16), ((512, 1000), F16), ((1000,), F16)),
        2,
    ),
    "classifier int8": (
        "resnet18_int8",
        "MatMul",
        0,
        MatMul(),
        (((1, 512), I8), ((512, 1000), I8), ((1000,), I32)),
        2,
    ),
    "classifier of a batch f16": (
        "resnet50_b8_f16",
        "MatMul",
        0,
        MatMul(),
        (((8, 2048), F16), ((2048, 1000), F16), ((1000,), F16)),
        2,
    ),
    "transposed patches f32": (
        "deit_tiny_f32",
        "MatMul",
        0,
        MatMul(right_transpose=True),
        (((1, 196, 768), F32), ((192, 768), F32), ((192,), F32)),
        2,
    ),
    "heads of scores f32": (
        "deit_tiny_f32",
        "MatMul",
        2,
        MatMul(right_transpose=True),
        (((1, 3, 197, 64), F32), ((1, 3, 197, 64), F32)),
        0,
    ),
    "heads of values f32": (
        "deit_tiny_f32",
        "MatMul",
        3,
        MatMul(),
        (((1, 3, 197, 197), F32), ((1, 3, 197, 64), F32)),
        0,
    ),
    "projection f32": (
        "deit_tiny_f32",
        "MatMul",
        4,
        MatMul(),
        (((1, 197, 192), F32), ((192, 192), F32), ((192,), F32)),
        2,
    ),
    "wide result f32": (
        "deit_tiny_f32",
        "MatMul",
        5,
        MatMul(),
        (((1, 197, 192), F32), ((192, 768), F32), ((768,), F32)),
        2,
    ),
    "average int8": (
        "resnet18_int8",
        "Pool2D",
        0,
        Pool("avg", (7, 7), (1, 1), (0, 0, 0, 0)),
        (((1, 512, 7, 7), I8),),
        0,
    ),
    "batched products f16": (
        "efficientvit_m0_f16",
        "MatMul",
        0,
        MatMul(),
        (((4, 49, 16), F16), ((4, 16, 49), F16)),
        0,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_command_by_command(name: str) -> None:
    file, layer, index, kind, operands, weights = CASES[name]
    run = global_runs(file, layer)[index]
    gdma, bdc = schedule_rows(schedule_of(kind, *operands, weights=weights))
    assert sorted(gdma) == sorted(rows(run, "gdma"))
    assert bdc == rows(run, "bdc")


def test_depthwise_f32_reads_and_stores_what_the_vendor_does() -> None:
    """efficientvit_m0 f32: 16 channels of 7 × 7, one tile of five commands."""
    kind = Conv((5, 5), (1, 1), (2, 2, 2, 2), (1, 1), groups=16)
    operands = (((1, 16, 7, 7), F32), ((16, 1, 5, 5), F32), ((16,), F32))
    gdma, bdc = schedule_rows(schedule_of(kind, *operands, weights=2))
    assert sorted(gdma) == [("GDMA_TENSOR", cycles) for cycles in (303, 303, 303, 399)]
    assert bdc == [("PorD", 100)]


def test_coefficients_of_wide_filters_stream_f32() -> None:
    """resnet18 f32: the input stays, 8 blocks of 64 channels pass by."""
    kind = Conv((3, 3), (1, 1), (1, 1, 1, 1), (1, 1))
    operands = (((1, 512, 7, 7), F32), ((512, 512, 3, 3), F32), ((512,), F32))
    gdma, bdc = schedule_rows(schedule_of(kind, *operands, weights=2))
    assert bdc == [("CONV", 18432)] * 8
    recorded = [row for run in runs("resnet18_f32", "Conv2D") for row in rows(run, "bdc")]
    assert recorded.count(("CONV", 18432)) == 3 * 8
    assert len(gdma) == 8 * 3 + 1


def test_rows_of_a_patch_embedding_f32() -> None:
    """swin_t f32: 56 rows in three tiles of 19, 19 and 18, coefficients once."""
    kind = Conv((4, 4), (4, 4), (0, 0, 0, 0), (1, 1))
    operands = (((1, 3, 224, 224), F32), ((96, 3, 4, 4), F32), ((96,), F32))
    gdma, bdc = schedule_rows(schedule_of(kind, *operands, weights=2))
    cycles = [454, 1819, 3781, 3781, 13294, 3582, 13294, 18891]
    assert gdma == [("GDMA_TENSOR", c) for c in cycles]
    assert bdc == [("CONV", c) for c in (6432, 6432, 6048)]


def test_depth_gathered_onto_lanes_f16() -> None:
    """c3d_487 f16, first layer: three input planes per channel, zeros outside."""
    kind = Conv((3, 3, 3), (1, 1, 1), (1,) * 6, (1, 1, 1), relu=True)
    operands = (((1, 3, 16, 112, 112), F16), ((64, 3, 3, 3, 3), F16), ((64,), F32))
    gdma, bdc = schedule_rows(schedule_of(kind, *operands, weights=2))
    assert bdc == [("CONV", 28224), ("AR", 784)] * 16
    assert gdma[:4] == [
        ("GDMA_TENSOR", 682),
        ("GDMA_TENSOR", 1213),
        ("GDMA_CONSTANT", 432),
        ("GDMA_TENSOR", 928),
    ]
    assert gdma[-1] == ("GDMA_TENSOR", 39182)
    assert len(gdma) == 72
