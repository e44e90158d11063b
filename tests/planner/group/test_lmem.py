"""Placing buffers: no two that live in the same step overlap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lgsim.planner.group.failure import Failure
from lgsim.planner.group.lmem import Buffer, peak
from lgsim.planner.group.place import place
from lgsim.target import load_target

CHIP = load_target("bm1684x").chip()
STEPS = 6

buffers = st.lists(
    st.builds(
        lambda words, steps: (words * CHIP.eu_bytes, steps),
        st.integers(1, 1024),
        st.integers(1, (1 << STEPS) - 1),
    ),
    max_size=14,
)


@given(buffers, st.booleans())
def test_buffers_of_one_step_do_not_overlap(sizes: list[tuple[int, int]], banks: bool) -> None:
    """Every address is aligned and inside; what does not fit says how much is missing."""
    wanted = [Buffer(owner, nbytes, steps) for owner, (nbytes, steps) in enumerate(sizes)]
    found = place(wanted, CHIP, banks=banks)
    if isinstance(found, Failure):
        assert found.missing_bytes > 0
        assert sum(buffer.nbytes for buffer in wanted) > CHIP.lmem_bytes
        return
    assert found.top >= peak(wanted)[0]
    for buffer in wanted:
        start = found.addresses[buffer.owner]
        assert start % CHIP.eu_bytes == 0
        assert start + buffer.nbytes <= CHIP.lmem_bytes
        for other in wanted[: buffer.owner]:
            if other.steps & buffer.steps:
                begin = found.addresses[other.owner]
                assert begin + other.nbytes <= start or start + buffer.nbytes <= begin


def test_more_than_local_memory_in_one_step_is_refused_at_once() -> None:
    """The lower bound."""
    half = CHIP.lmem_bytes // 2
    failure = place([Buffer(0, half, 1), Buffer(1, half + 64, 1)], CHIP)
    assert isinstance(failure, Failure)
    assert failure.missing_bytes == 64
