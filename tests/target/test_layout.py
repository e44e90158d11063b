"""Local-memory sizes and strides, against the sizes in the vendor's plans."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lgsim.graph.dtypes import DType
from lgsim.target import load_target
from lgsim.target.layout import (
    buffer_bytes,
    packed_filter_elements,
    plane_elements,
    round_up,
    strides,
    tensor_lane_bytes,
)

CHIP = load_target("bm1684x").chip()
SIZES = Path(__file__).parents[1] / "data" / "commands" / "lmem_sizes.json"


def test_sizes_in_the_vendors_plans() -> None:
    for dtype, n, c, d, h, w, aligned, nbytes in json.loads(SIZES.read_text()):
        size = tensor_lane_bytes(CHIP, DType(dtype), n=n, c=c, d=d, h=h, w=w, eu_align=aligned)
        assert size == nbytes, (dtype, n, c, d, h, w, aligned)


def test_packed_filters() -> None:
    # widths of the filters in the vendor's ResNet plans: 1x64x1x576 f16, 64x9 f32
    assert packed_filter_elements(CHIP, DType.F16, ic=64, taps=9) == 576
    assert packed_filter_elements(CHIP, DType.F32, ic=64, taps=9) == 64 * 9
    assert packed_filter_elements(CHIP, DType.I8, ic=3, taps=49) == 49 * 64


def test_int4_rounds_planes_to_whole_bytes() -> None:
    assert tensor_lane_bytes(CHIP, DType.I4, n=1, c=1, h=3, w=1, eu_align=False) == 2
    assert plane_elements(CHIP, DType.I4, h=3, w=1) == 128


@given(
    dtype=st.sampled_from([DType.F32, DType.F16, DType.I8]),
    n=st.integers(1, 9),
    c=st.integers(1, 300),
    h=st.integers(1, 40),
    w=st.integers(1, 40),
    eu_align=st.booleans(),
)
def test_strides_and_sizes_agree(
    dtype: DType, n: int, c: int, h: int, w: int, eu_align: bool
) -> None:
    step = strides(CHIP, dtype, c=c, h=h, w=w, eu_align=eu_align)
    size = tensor_lane_bytes(CHIP, dtype, n=n, c=c, h=h, w=w, eu_align=eu_align)
    assert size == n * dtype.nbytes(step.n)
    assert step.n >= step.c >= h * w > (h - 1) * step.h + (w - 1) * step.w
    if eu_align:
        assert dtype.nbytes(step.c) % CHIP.eu_bytes == 0
        assert size == buffer_bytes(CHIP, size)


@given(value=st.integers(0, 10**6), multiple=st.integers(1, 512))
def test_round_up(value: int, multiple: int) -> None:
    result = round_up(value, multiple)
    assert result % multiple == 0
    assert 0 <= result - value < multiple
