"""What lives in each step, and placing it: no two buffers of the same step overlap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lgsim.planner.group.failure import Failure
from lgsim.planner.group.lmem import Buffer, Occupancy, Placement, peak
from lgsim.planner.group.place import place
from lgsim.target import load_target

CHIP = load_target("bm1684x").chip()
FEW, MANY = (1 << 6) - 1, (1 << 200) - 1
"""Lives in a short group, and in one with several stretches of steps."""

buffers = st.lists(
    st.builds(
        lambda words, steps: (words * CHIP.eu_bytes, steps),
        st.integers(1, 1024),
        st.integers(1, FEW) | st.integers(1, MANY),
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


def lowest(buffer: Buffer, placed: dict[Buffer, int], unit: int) -> int:
    """The lowest free address for a buffer if all others of its steps take whole units."""
    beside = [
        (a // unit * unit, -(-(a + each.nbytes) // unit) * unit)
        for each, a in placed.items()
        if each.steps & buffer.steps
    ]
    starts = sorted({0, *(end for _, end in beside)})
    return next(a for a in starts if all(a + buffer.nbytes <= b or e <= a for b, e in beside))


@given(buffers, st.booleans())
def test_every_buffer_lies_as_low_as_it_can(sizes: list[tuple[int, int]], banks: bool) -> None:
    """The largest area first, in banks of their own where there are any."""
    wanted = [Buffer(owner, nbytes, steps) for owner, (nbytes, steps) in enumerate(sizes)]
    placed: dict[Buffer, int] = {}
    for buffer in sorted(wanted, key=lambda b: (-b.nbytes * b.steps.bit_count(), -b.nbytes)):
        address = lowest(buffer, placed, CHIP.bank_bytes if banks else 1)
        if address + buffer.nbytes > CHIP.lmem_bytes:
            address = lowest(buffer, placed, 1)
        placed[buffer] = address
    if all(address + buffer.nbytes <= CHIP.lmem_bytes for buffer, address in placed.items()):
        found = place(wanted, CHIP, banks=banks)
        assert isinstance(found, Placement)
        assert found.addresses == {buffer.owner: address for buffer, address in placed.items()}


def test_more_than_local_memory_in_one_step_is_refused_at_once() -> None:
    """The lower bound."""
    half = CHIP.lmem_bytes // 2
    failure = place([Buffer(0, half, 1), Buffer(1, half + 64, 1)], CHIP)
    assert isinstance(failure, Failure)
    assert failure.missing_bytes == 64


@given(st.integers(2, 9), st.data())
def test_bytes_of_every_step_are_those_of_the_buffers_in_it(wrap: int, data: st.DataObject) -> None:
    """Counted from first and last steps, and from bit sets; life wraps after the last step."""
    steps = st.integers(0, 2 * wrap)
    lives = st.tuples(st.integers(0, 99), steps, st.integers(0, wrap - 1))
    stays = [
        (owner, nbytes, first, first + more)
        for owner, (nbytes, first, more) in enumerate(data.draw(st.lists(lives)))
    ]
    occupancy = Occupancy(stays, wrap)
    buffers = occupancy.buffers()
    counted = [sum(b.nbytes for b in buffers if b.steps >> step & 1) for step in range(wrap)]
    assert occupancy.live_bytes == counted
    assert peak(buffers)[0] == max(counted)
    assert all(
        buffer.steps >> time % wrap & 1
        for buffer, (_, _, first, last) in zip(buffers, stays, strict=True)
        for time in range(first, last + 1)
    )
