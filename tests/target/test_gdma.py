"""Laws of the GDMA: recorded commands worked by hand, and properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lgsim.graph.dtypes import DType
from lgsim.target import load_target
from lgsim.target.timing import gdma

CHIP = load_target("bm1684x").chip()
SIZE = st.integers(1, 200)
DTYPES = st.sampled_from([DType.F32, DType.F16, DType.I8])
DIRECTIONS = st.sampled_from([gdma.LOAD, gdma.STORE, gdma.MOVE])
Box = gdma.Box


# Cycles recorded from the vendor's simulator.
@pytest.mark.parametrize(
    ("direction", "dtype", "shape", "strides", "cycles"),
    [
        # a bias: every channel counts 256 bytes, one of four DDR channels is busy
        (gdma.LOAD, DType.F32, (1, 64, 1, 1), None, 1213),
        (gdma.LOAD, DType.F32, (1, 1024, 1, 1), None, 19412),
        (gdma.LOAD, DType.F16, (1, 96, 1, 128), None, 454),
        (gdma.LOAD, DType.F32, (1, 3, 112, 224), (150528, 50176, 224, 1), 5573),
        # slices along h: rows far apart reach one, two or three channels
        (gdma.STORE, DType.F16, (1, 64, 11, 160), (1638400, 25600, 160, 1), 21990),
        (gdma.STORE, DType.I8, (1, 64, 9, 480), (8355840, 130560, 480, 1), 13494),
        (gdma.STORE, DType.F16, (1, 96, 28, 56), (301056, 3136, 56, 1), 9795),
        # slices along w as well
        (gdma.STORE, DType.F16, (1, 32, 11, 160), (4177920, 130560, 480, 1), 3665),
        (gdma.LOAD, DType.F32, (1, 3, 47, 642), (6220800, 2073600, 1920, 1), 6703),
        # planes that start in three blocks of 4 KiB
        (gdma.LOAD, DType.F32, (1, 4, 16, 49), None, 309),
        (gdma.LOAD, DType.I8, (1, 4, 1, 2401), None, 355),
    ],
)
def test_recorded_tensor_transfers(
    direction: str, dtype: DType, shape: Box, strides: Box | None, cycles: int
) -> None:
    assert gdma.tensor_cycles(CHIP, direction, dtype, shape=shape, strides=strides) == cycles


def test_recorded_moves_inside_the_ddr() -> None:
    heads = {"shape": (4, 49, 12, 32), "strides": (18816, 384, 32, 1)}
    cycles = gdma.tensor_cycles(
        CHIP, gdma.MOVE, DType.F32, **heads, other_strides=(18816, 32, 1568, 1)
    )
    assert cycles == 23089


def test_recorded_matrices() -> None:
    load = {"rows": 128, "columns": 160, "lane_columns": 16}
    assert gdma.matrix_cycles(CHIP, gdma.LOAD, DType.F32, **load) == 5649
    store = {"rows": 128, "columns": 768, "lane_columns": 32}
    assert gdma.matrix_cycles(CHIP, gdma.STORE, DType.F32, **store) == 17873
    transposed = {"rows": 192, "columns": 384}
    assert gdma.matrix_transpose_cycles(CHIP, gdma.LOAD, DType.F32, **transposed) == 27118
    # class scores cast one by one: 487 columns, eight to a lane
    scores = {"rows": 1, "columns": 487, "lane_columns": 8}
    assert gdma.matrix_cycles(CHIP, gdma.LOAD, DType.F16, **scores) == 268


def test_recorded_broadcasts_and_fills() -> None:
    assert gdma.broadcast_cycles(CHIP, nbytes=50176) == 865
    assert gdma.constant_cycles(CHIP, nbytes=112 * 112 * 2) == 432
    assert gdma.constant_cycles(CHIP, nbytes=7 * 7 * 2) == 4


@given(direction=DIRECTIONS, dtype=DTYPES, shape=st.tuples(SIZE, SIZE, SIZE, SIZE))
def test_no_transfer_beats_the_bandwidth(direction: str, dtype: DType, shape: Box) -> None:
    n, c, h, w = shape
    cycles = gdma.tensor_cycles(CHIP, direction, dtype, shape=shape)
    rate = {
        gdma.LOAD: CHIP.load_bytes_per_cycle,
        gdma.STORE: CHIP.store_bytes_per_cycle,
        gdma.MOVE: CHIP.move_bytes_per_cycle,
    }[direction]
    assert dtype.nbytes(n * c * h * w) < (cycles + 1) * rate


@given(
    direction=DIRECTIONS,
    dtype=DTYPES,
    shape=st.tuples(SIZE, SIZE, SIZE, SIZE),
    axis=st.integers(0, 3),
    more=SIZE,
    gap=st.integers(0, 5000),
)
def test_more_of_a_tensor_never_takes_less_time_for_the_same_channels(
    direction: str, dtype: DType, shape: Box, axis: int, more: int, gap: int
) -> None:
    large = tuple(size + more * (i == axis) for i, size in enumerate(shape))
    rows, bigger = shape[0] * shape[1], large[0] * large[1]
    run, longer = shape[2] * shape[3], large[2] * large[3]
    assert gdma.transfer_cycles(
        CHIP, direction, rows=rows, row_bytes=dtype.nbytes(run), channels=1 + gap % 4
    ) <= gdma.transfer_cycles(
        CHIP, direction, rows=bigger, row_bytes=dtype.nbytes(longer), channels=1 + gap % 4
    )


@given(dtype=DTYPES, c=SIZE, h=SIZE, w=SIZE, more=SIZE)
def test_a_slice_costs_at_least_its_share(dtype: DType, c: int, h: int, w: int, more: int) -> None:
    shape, strides = (1, c, h, w), (c * (h + more) * w, (h + more) * w, w, 1)
    slice_cycles = gdma.tensor_cycles(CHIP, gdma.LOAD, dtype, shape=shape, strides=strides)
    whole = gdma.tensor_cycles(CHIP, gdma.LOAD, dtype, shape=(1, c, h + more, w))
    assert slice_cycles + 1 >= whole * h / (h + more)


@given(dtype=DTYPES, shape=st.tuples(SIZE, SIZE, SIZE, SIZE), gap=st.integers(0, 100_000))
def test_channels_are_between_one_and_four(dtype: DType, shape: Box, gap: int) -> None:
    _, c, h, w = shape
    strides = (c * (h * w + gap), h * w + gap, w, 1)
    channels = gdma.channels_covered(CHIP, dtype, shape, strides)
    assert 1 <= channels <= 4
    if dtype.nbytes(h * w) > 3 * 4096:
        assert channels == 4


@given(rows=SIZE, columns=SIZE, lane_columns=SIZE, dtype=DTYPES)
def test_matrices_grow_with_rows_and_shrink_with_wider_pieces(
    rows: int, columns: int, lane_columns: int, dtype: DType
) -> None:
    args = {"rows": rows, "columns": columns, "lane_columns": lane_columns}
    cycles = gdma.matrix_cycles(CHIP, gdma.LOAD, dtype, **args)
    assert 1 <= cycles <= gdma.matrix_cycles(CHIP, gdma.LOAD, dtype, **{**args, "rows": rows + 1})
    wider = {**args, "lane_columns": lane_columns + 1}
    assert cycles >= gdma.matrix_cycles(CHIP, gdma.LOAD, dtype, **wider)
    assert gdma.broadcast_cycles(CHIP, nbytes=rows) <= gdma.broadcast_cycles(
        CHIP, nbytes=rows + columns
    )
