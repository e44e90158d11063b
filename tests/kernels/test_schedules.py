"""Schedules of all ops pass the independent checker, on odd shapes and on a small chip too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from single_op import CHIP, SMALL_CHIP, Operand, schedule_of, violations

from lgsim.errors import InfeasibleError
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import (
    ACTIVE_MODES,
    REDUCE_MODES,
    Active,
    Add,
    AddConst,
    Arg,
    Attention,
    Cast,
    Clip,
    Compare,
    CumSum,
    Depth2Space,
    Div,
    Gather,
    GatherElements,
    GroupNorm,
    InstanceNorm,
    Interp,
    LayerNorm,
    LeakyRelu,
    Lut,
    Mul,
    OneHot,
    OpKind,
    Pad,
    Pow,
    PowConst,
    PRelu,
    Reduce,
    RequantInt,
    RMSNorm,
    Scale,
    ScatterElements,
    ShuffleChannel,
    Softmax,
    TopK,
    Upsample,
    Where,
)

F32, F16, I8, I32, I64 = DType.F32, DType.F16, DType.I8, DType.I32, DType.I64
sizes = st.sampled_from([1, 2, 3, 7, 16, 33, 49, 64, 65, 100])
shapes = st.lists(sizes, min_size=1, max_size=4).map(tuple).filter(lambda s: _count(s) < 200_000)
floats = st.sampled_from([F16, F32, DType.BF16])
types = st.sampled_from([F16, F32, I8, I32])
chips = st.sampled_from([CHIP, SMALL_CHIP])
Shape = tuple[int, ...]
Case = tuple[OpKind, list[Operand], int]


def _count(shape: Shape) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


@pytest.mark.parametrize("mode", ACTIVE_MODES)
def test_every_activation(mode: str) -> None:
    for dtype in (F32, F16, I8):
        assert violations(Active(mode, 1.0), ((3, 77, 5), dtype)) == []


@pytest.mark.parametrize("mode", REDUCE_MODES)
def test_every_reduction(mode: str) -> None:
    for axes in ((0,), (1, 3), (2, 3), (0, 1, 2, 3)):
        assert violations(Reduce(mode, axes), ((2, 33, 7, 5), F16)) == []


@given(shapes, types, chips, st.data())
@settings(deadline=None)
def test_two_operands(shape: Shape, dtype: DType, chip: object, data: st.DataObject) -> None:
    other = tuple(data.draw(st.sampled_from([1, n])) for n in shape)
    kinds: list[OpKind] = [Add(relu=True), Mul(), Div(), Pow(), Compare("less")]
    kind = data.draw(st.sampled_from(kinds))
    operands = [(shape, dtype), (other, dtype)]
    if data.draw(st.booleans()):
        operands.reverse()
    assert violations(kind, *operands, chip=chip) == []  # type: ignore[arg-type]


@given(shapes, types, chips)
@settings(deadline=None, max_examples=40)
def test_one_operand(shape: Shape, dtype: DType, chip: object) -> None:
    for kind in (AddConst(1.0), PowConst(3.0), Cast(I8), Cast(F16), Clip(0.0, 6.0), LeakyRelu(0.1)):
        assert violations(kind, (shape, dtype), chip=chip) == []  # type: ignore[arg-type]


def _affine(kind: OpKind, shape: Shape, width: Shape, dtype: DType) -> Case:
    return kind, [(shape, dtype), (width, dtype), (width, dtype)], 2


FAMILIES: dict[str, Callable[[Shape, DType], Case]] = {
    "layernorm": lambda s, d: _affine(LayerNorm(len(s) - 1), s, s[-1:], d),
    "rmsnorm": lambda s, d: (RMSNorm(len(s) - 1), [(s, d), (s[-1:], d)], 1),
    "groupnorm": lambda s, d: _affine(GroupNorm(1), (2, *s), s[:1], d),
    "instancenorm": lambda s, d: _affine(InstanceNorm(), (2, *s), s[:1], d),
    "scale": lambda s, d: _affine(Scale(), (2, *s), s[:1], d),
    "prelu": lambda s, d: (PRelu(), [((2, *s), d), ((s[0], *[1] * (len(s) - 1)), d)], 1),
    "softmax": lambda s, d: (Softmax(len(s) - 1), [(s, d)], 0),
    "softmax_first": lambda s, d: (Softmax(0), [(s, d)], 0),
    "arg": lambda s, d: (Arg("max", 0), [(s, d)], 0),
    "topk": lambda s, d: (TopK(len(s) - 1, 1), [(s, d)], 0),
    "cumsum": lambda s, d: (CumSum(0), [(s, d)], 0),
    "where": lambda s, d: (Where(), [(s, DType.BOOL), (s[-1:], d), (s, d)], 0),
    "lut": lambda s, _: (Lut(), [(s, I8), ((256,), I8)], 1),
    "requant": lambda s, _: (RequantInt(), [((2, *s), I32), ((s[0], 3), I32)], 1),
    "gather": lambda s, d: (Gather(0), [(s, d), ((5,), I64)], 0),
    "gather_elements": lambda s, d: (GatherElements(0), [(s, d), (s, I64)], 0),
    "scatter": lambda s, d: (ScatterElements(0), [(s, d), (s, I64), (s, d)], 0),
    "onehot": lambda s, _: (OneHot(9, 0), [(s, I64)], 0),
    "pad": lambda s, d: (Pad((1,) * (2 * len(s))), [(s, d)], 0),
}


@pytest.mark.parametrize("family", FAMILIES)
@given(shape=shapes, dtype=floats, chip=chips)
@settings(deadline=None, max_examples=25)
def test_families(family: str, shape: Shape, dtype: DType, chip: object) -> None:
    kind, operands, weights = FAMILIES[family](shape, dtype)
    assert violations(kind, *operands, weights=weights, chip=chip) == []  # type: ignore[arg-type]


images = st.tuples(*[st.sampled_from([1, 2, 5, 20, 33])] * 4)


@given(images, types, chips)
@example((20, 1, 1, 5), DType.F16, CHIP)  # as many positions as images
@settings(deadline=None, max_examples=25)
def test_images(shape: tuple[int, int, int, int], dtype: DType, chip: object) -> None:
    n, c, h, w = shape
    cases: list[Case] = [
        (Upsample(2, 3), [(shape, dtype)], 0),
        (Upsample(2, 2), [(shape, dtype), ((4 * h * w,), DType.I16)], 1),
        (Interp((3 * h, w + 5)), [(shape, dtype)], 0),
        (Depth2Space(2, 2), [((n, 4 * c, h, w), dtype)], 0),
        (Depth2Space(2, 2, False, True), [((n, c, 2 * h, 2 * w), dtype)], 0),
        (ShuffleChannel(2), [((n, 2 * c, h, w), dtype)], 0),
    ]
    for kind, operands, weights in cases:
        found = violations(kind, *operands, weights=weights, chip=chip)  # type: ignore[arg-type]
        assert found == [], kind


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("rows", [49, 300])
@pytest.mark.parametrize("dtype", [F16, F32])
def test_attention(heads: int, rows: int, dtype: DType) -> None:
    weight, bias = ((192, heads * 16), dtype), ((1, 1, heads * 16), dtype)
    kind = Attention(heads, 16, 0.25, (True, True, True, False), True, 1)
    last: list[Operand] = [((heads * 16, 192), dtype), ((1, 1, 1, rows), dtype)]
    operands = [((2, rows, 192), dtype), *[weight, bias] * 3, *last]
    for chip in (CHIP, SMALL_CHIP):
        assert violations(kind, *operands, weights=8, chip=chip) == []


def test_long_lines_lie_along_h() -> None:
    """A softmax over 3137 tokens (CoaT): over n each of them would take a word of every lane."""
    assert violations(Softmax(1), ((1, 3137, 8, 8), F16)) == []


def test_long_rows_are_cut() -> None:
    operands = (((1, 4, 512, 600), F16), ((4,), F16), ((4,), F16))
    assert violations(InstanceNorm(), *operands, weights=2, chip=SMALL_CHIP) == []
    assert violations(Reduce("mean", (0, 1)), ((1000, 512), F16), chip=SMALL_CHIP) == []
    assert violations(TopK(1, 10), ((1, 65536), F32)) == []


def test_a_chip_that_is_too_small_says_by_how_much() -> None:
    tiny = replace(CHIP, lmem_bytes=1024)
    with pytest.raises(InfeasibleError) as caught:
        schedule_of(Softmax(1), ((64, 4096), F16), chip=tiny)
    assert "1024 bytes per lane" in str(caught.value)


def test_equal_tiles_share_their_instructions() -> None:
    schedule = schedule_of(Active("gelu"), ((3136, 1536), F32))
    tiles = [step.instructions for step in schedule if step.instructions]
    assert len(tiles) > 8
    assert len({id(t) for t in tiles}) <= 4
