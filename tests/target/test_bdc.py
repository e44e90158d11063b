"""Laws of the BDC: recorded commands worked by hand, and properties."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lgsim.graph.dtypes import DType
from lgsim.target import load_target
from lgsim.target.timing import bdc

CHIP = load_target("bm1684x").chip()
SIZE = st.integers(1, 300)
FLOAT_OR_INT8 = st.sampled_from([DType.F32, DType.F16, DType.BF16, DType.I8])

LAWS: dict[str, tuple[Any, tuple[str, ...], dict[str, Any]]] = {
    "conv": (bdc.conv_cycles, ("n", "ic", "oc", "oh", "ow", "kh", "kw"), {}),
    "mm2": (bdc.mm2_cycles, ("m", "k", "n"), {}),
    "mm": (bdc.mm_cycles, ("m", "k", "n"), {"lane_columns": 16}),
    "arith": (bdc.arith_cycles, ("n", "c", "h", "w", "w_stride", "start_lane"), {}),
    "div": (bdc.div_cycles, ("n", "c", "h", "w"), {}),
    "select": (bdc.select_cycles, ("n", "c", "h", "w"), {}),
    "taylor": (bdc.taylor_cycles, ("n", "c", "h", "w", "table"), {}),
    "rsqrt": (bdc.rsqrt_cycles, ("n", "c", "h", "w"), {}),
    "requant": (bdc.requant_cycles, ("n", "c", "h", "w"), {}),
    "pord": (bdc.pord_cycles, ("n", "c", "oh", "kh", "kw", "start_lane"), {"ow": 7}),
    "lane_copy": (bdc.lane_copy_cycles, ("n", "c", "h", "w", "start_lane"), {}),
    "lane_broadcast": (bdc.lane_broadcast_cycles, ("n", "h", "w"), {}),
    "static_broadcast": (bdc.static_broadcast_cycles, ("w",), {}),
}


@pytest.mark.parametrize("name", LAWS)
@given(data=st.data(), dtype=FLOAT_OR_INT8)
def test_every_law_is_positive_and_never_falls_with_size(
    name: str, data: st.DataObject, dtype: DType
) -> None:
    law, sizes, fixed = LAWS[name]
    small = {size: data.draw(SIZE, label=size) for size in sizes}
    grown = data.draw(st.sampled_from(sizes), label="grown")
    large = {**small, grown: small[grown] + data.draw(SIZE, label="by")}
    before = law(CHIP, dtype, **small, **fixed)
    assert 0 < before <= law(CHIP, dtype, **large, **fixed)


@given(n=SIZE, c=SIZE, h=SIZE, w=SIZE)
def test_gather_takes_one_index_per_lane_and_step(n: int, c: int, h: int, w: int) -> None:
    plain = bdc.gather_cycles(CHIP, n=n, c=c, h=h, w=w)
    assert plain == n * -(-c // 64) * h * w
    assert plain <= bdc.gather_cycles(CHIP, n=n, c=c, h=h, w=w, check_hazards=True) <= 1.5 * plain


@given(m=SIZE, k=SIZE, n=SIZE, dtype=FLOAT_OR_INT8)
def test_the_cube_never_beats_its_peak(m: int, k: int, n: int, dtype: DType) -> None:
    cycles = bdc.mm2_cycles(CHIP, dtype, m=m, k=k, n=n)
    assert m * k * n <= cycles * CHIP.macs_per_cycle(dtype)
    cycles = bdc.conv_cycles(CHIP, dtype, n=1, ic=k, oc=m, oh=n, ow=1, kh=3, kw=3)
    assert m * k * n * 9 <= cycles * CHIP.macs_per_cycle(dtype)


def test_aligned_shapes_reach_the_peak() -> None:
    for dtype in (DType.I8, DType.F16, DType.F32):
        cycles = bdc.mm2_cycles(CHIP, dtype, m=128, k=128, n=128)
        assert cycles * CHIP.macs_per_cycle(dtype) == 128**3


def test_f32_is_sixteen_times_slower_than_int8() -> None:
    shape = {"n": 1, "ic": 64, "oc": 64, "oh": 56, "ow": 56, "kh": 3, "kw": 3}
    assert bdc.conv_cycles(CHIP, DType.F32, **shape) == 16 * bdc.conv_cycles(
        CHIP, DType.I8, **shape
    )


# Cycles recorded from the vendor's simulator, with the shapes and places of the commands.
def test_recorded_arithmetic() -> None:
    row = {"n": 1, "c": 128, "h": 1, "w": 128}
    assert bdc.arith_cycles(CHIP, DType.F16, **row) == 8
    assert bdc.arith_cycles(CHIP, DType.F16, **row, in_place=True) == 16
    full = {"n": 1, "c": 128, "h": 768, "w": 1}
    assert bdc.arith_cycles(CHIP, DType.F16, **full, repeat_second=True) == 96
    both = {"n": 1, "c": 512, "h": 12, "w": 240, "in_place": True, "repeat_second": True}
    assert bdc.arith_cycles(CHIP, DType.F16, **both) == 2880
    transpose = {"n": 1, "c": 64, "h": 784, "w": 3, "w_stride": 784}
    assert bdc.arith_cycles(CHIP, DType.F16, **transpose) == 2368
    assert bdc.arith_cycles(CHIP, DType.F16, n=1, c=48, h=4, w=4, start_lane=32) == 2
    assert bdc.div_cycles(CHIP, DType.F32, n=1, c=128, h=1, w=1) == 62
    assert bdc.select_cycles(CHIP, DType.F32, n=1, c=128, h=3072, w=1) == 768
    assert bdc.taylor_cycles(CHIP, DType.F16, n=1, c=128, h=1, w=128, table=7) == 56
    assert bdc.rsqrt_cycles(CHIP, DType.F32, n=1, c=128, h=1, w=1) == 60
    assert bdc.requant_cycles(CHIP, DType.I32, n=1, c=4, h=1, w=256, in_place=True) == 32


def test_recorded_windows() -> None:
    pool = {"n": 1, "c": 64, "oh": 56, "ow": 56, "kh": 3, "kw": 3, "stride_w": 2}
    assert bdc.pord_cycles(CHIP, DType.F32, **pool) == 5292
    assert bdc.pord_cycles(CHIP, DType.F16, n=1, c=21, oh=112, ow=224, kh=7, kw=1) == 5488
    # a reduction along w: each of the three rows is a word of its own
    assert bdc.pord_cycles(CHIP, DType.F16, n=1, c=197, oh=3, ow=1, kh=1, kw=32) == 384
    assert bdc.pord_cycles(CHIP, DType.U8, n=1, c=256, oh=1, ow=1, kh=7, kw=7) == 196


def test_recorded_matrix_products() -> None:
    fully_connected = {"m": 1, "k": 64, "n": 1024, "lane_columns": 128}
    assert bdc.mm_cycles(CHIP, DType.F32, **fully_connected) == 512
    assert bdc.mm_cycles(CHIP, DType.F32, **fully_connected, accumulate=True) == 520
    assert bdc.mm_cycles(CHIP, DType.F32, **fully_connected, accumulate=True, bias=True) == 528
    assert bdc.mm_cycles(CHIP, DType.F32, m=49, k=160, n=768, lane_columns=48) == 23520


def test_recorded_lane_moves() -> None:
    assert bdc.lane_broadcast_cycles(CHIP, DType.F16, n=1, h=224, w=224) == 1568
    assert bdc.lane_broadcast_cycles(CHIP, DType.F16, n=1, h=1, w=192, in_place=True) == 12
    assert bdc.lane_copy_cycles(CHIP, DType.F16, n=1, c=196, h=192, w=1, start_lane=1) == 4704
    assert bdc.lane_copy_cycles(CHIP, DType.F32, n=1, c=48, h=4, w=4, start_lane=48) == 96
    assert bdc.static_broadcast_cycles(CHIP, DType.F32, w=10) == 1
