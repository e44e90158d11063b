"""Pooling: instruction sequences, whole planes, sound global schedules."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from single_op import CHIP, SMALL_CHIP, graph_of, moved_bytes, schedule_of, violations

from lgsim.errors import LgsimError
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Pool
from lgsim.kernels.schedule import Direction

F32, F16, I8 = DType.F32, DType.F16, DType.I8


def units(kind: Pool, shape: tuple[int, ...], dtype: DType) -> list[tuple[str, int]]:
    schedule = schedule_of(kind, (shape, dtype))
    return [(i.unit, i.cycles) for step in schedule for i in step.instructions]


def test_float_average_of_planes_is_padded_and_takes_two_passes() -> None:
    """resnet18: 49 elements are padded to four words; 2,040 (at 1080p) to 128."""
    kind = Pool("avg", (7, 7), (1, 1), (0, 0, 0, 0), count_include_pad=True)
    assert units(kind, (1, 512, 7, 7), F32) == [("AR", 8), ("PorD", 32), ("PorD", 128)]
    kind = Pool("avg", (34, 60), (1, 1), (0, 0, 0, 0))
    first = [("AR", 11), ("PorD", 1408), ("PorD", 176)]
    last = [("AR", 10), ("PorD", 1280), ("PorD", 160)]
    assert units(kind, (1, 2048, 34, 60), F32) == [*first, *first, *last]


def test_planes_of_whole_words_need_no_padding() -> None:
    kind = Pool("avg", (4, 4), (1, 1), (0, 0, 0, 0))
    assert units(kind, (1, 192, 4, 4), F32) == [("PorD", 3), ("PorD", 48)]


def test_maximum_of_windows() -> None:
    kind = Pool("max", (3, 3), (2, 2), (1, 1, 1, 1))
    assert units(kind, (1, 64, 112, 112), F16) == [("PorD", 2646)]


def test_depth_windows_are_combined_plane_by_plane() -> None:
    """c3d_487 f16: two planes pooled, then their maximum in place."""
    kind = Pool("max", (2, 2, 2), (2, 2, 2), (0,) * 6)
    steps = units(kind, (1, 128, 8, 56, 56), F16)
    assert steps == [("PorD", 600), ("PorD", 600), ("AR", 100)] * 4


pools = st.tuples(
    st.integers(1, 3),
    st.sampled_from([1, 3]),
    st.sampled_from([1, 64, 130]),
    st.sampled_from(["avg", "max"]),
    st.booleans(),
    st.lists(st.integers(1, 4), min_size=3, max_size=3),
    st.lists(st.integers(1, 3), min_size=3, max_size=3),
    st.lists(st.integers(0, 1), min_size=6, max_size=6),
    st.lists(st.sampled_from([2, 7, 33]), min_size=3, max_size=3),
    st.sampled_from([F32, F16, I8]),
    st.sampled_from([CHIP, SMALL_CHIP]),
)


@given(pools)
@settings(max_examples=60, deadline=None)
def test_sound_schedules(case: tuple) -> None:  # type: ignore[type-arg]  # a bag of values
    rank, n, c, mode, whole, kernel, stride, pad, size, dtype, chip = case
    shape = (n, c, *size[:rank])
    kernel = tuple(size[:rank] if whole else kernel[:rank])
    stride = (1,) * rank if whole else tuple(stride[:rank])
    pad = tuple(0 if whole or kernel[i % rank] == 1 else p for i, p in enumerate(pad[: 2 * rank]))
    kind = Pool(mode, kernel, stride, pad)
    try:
        graph = graph_of(kind, (shape, dtype))
    except LgsimError:
        assume(False)
    found = violations(kind, (shape, dtype), chip=chip)
    assert [text for text in found if "never loaded" not in text] == []
    stored = moved_bytes(schedule_of(kind, (shape, dtype), chip=chip), Direction.STORE)
    assert stored == graph.tensor("y").nbytes
