"""Boxes as runs, against every element counted one by one."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from lgsim.kernels.schedule import GmemBox
from lgsim.simulator.boxes import box_extent, box_runs

dimensions = st.lists(st.tuples(st.integers(0, 4), st.integers(-6, 24)), max_size=4)


def elements(box: GmemBox) -> set[int]:
    """Every element of a box."""
    return {
        box.offset + sum(i * stride for i, stride in zip(index, box.strides, strict=True))
        for index in product(*map(range, box.shape))
    }


@given(dimensions)
def test_runs_cover_exactly_the_box(dims: list[tuple[int, int]]) -> None:
    shape, strides = tuple(size for size, _ in dims), tuple(stride for _, stride in dims)
    box = GmemBox(0, 200, shape, strides)
    starts, length = box_runs(box)
    covered = {start + i for start in starts.tolist() for i in range(length)}
    assert covered == elements(box)
    if covered:
        assert box_extent(box) == (min(covered), max(covered) + 1)


def test_a_transposed_tensor_is_one_run() -> None:
    starts, length = box_runs(GmemBox(0, 0, (7, 5, 3), (1, 21, 7)))
    assert starts.tolist() == [0]
    assert length == 105


def test_a_slice_of_channels_is_one_run_per_batch() -> None:
    starts, length = box_runs(GmemBox(0, 64, (2, 8, 4, 4), (1024, 16, 4, 1)))
    assert starts.tolist() == [64, 1088]
    assert length == 128


def test_a_box_of_nothing() -> None:
    starts, length = box_runs(GmemBox(0, 5, (0, 3), (3, 1)))
    assert len(starts) == length == 0
    assert box_extent(GmemBox(0, 5, (0, 3), (3, 1))) == (5, 5)
