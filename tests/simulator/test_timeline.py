"""Timelines: the figures and their parts, which sum to the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from toy_schedule import TILES_IN, TILES_OUT, block, toy_graph, toy_run

from lgsim.kernels.schedule import Direction, Instruction, LmemSpan, Schedule, Step, Transfer
from lgsim.planner.plan import Section
from lgsim.simulator.build import build_program
from lgsim.simulator.engines import BDC, GDMA
from lgsim.simulator.lifetimes import lifetimes, lmem_use
from lgsim.simulator.program import Block
from lgsim.simulator.timeline import State, Timeline, run_program


def test_the_toy_by_hand() -> None:
    timeline = toy_run().timeline
    # load w 0-199, load x0 200-299, load x1 300-399 beside conv0 300-419, conv1 420-539 beside
    # store0 420-569, store1 570-719; the second convolution repeats it.
    assert timeline.start[:7].tolist() == [0, 200, 300, 300, 420, 420, 570]
    assert timeline.end[:7].tolist() == [199, 299, 399, 419, 569, 539, 719]
    assert timeline.total_cycles == 1440
    assert timeline.gdma_busy_cycles == 2 * 700
    assert timeline.bdc_busy_cycles == 2 * 240
    assert timeline.overlap_cycles == 2 * (100 + 120)
    assert timeline.section_cycles().tolist() == [720, 0, 720]
    assert timeline.section_spans().tolist() == [720, 0, 720]
    assert timeline.state_cycles() == {
        State.IDLE: 0,
        State.TRANSFER_ONLY: 2 * (700 - 220),
        State.COMPUTE_ONLY: 2 * 20,
        State.OVERLAP: 2 * 220,
    }
    assert timeline.op_busy().tolist() == [[700, 240], [0, 0], [700, 240]]


commands = st.lists(
    st.tuples(st.lists(st.integers(0, 40), max_size=3), st.lists(st.integers(0, 40), max_size=3)),
    max_size=6,
)


def random_schedule(steps: list[tuple[list[int], list[int]]]) -> Schedule:
    return tuple(
        Step(
            tuple(Transfer("GDMA_TENSOR", Direction.FILL, cycles, 7) for cycles in moves),
            tuple(Instruction("AR", "add", cycles) for cycles in computes),
        )
        for moves, computes in steps
    )


@given(commands, commands)
def test_parts_sum_to_the_whole(
    first: list[tuple[list[int], list[int]]], second: list[tuple[list[int], list[int]]]
) -> None:
    blocks = [block("conv1", random_schedule(first)), block("conv2", random_schedule(second))]
    assert_sums(run_program(build_program(toy_graph(), blocks)))


@given(commands, st.data())
def test_parts_sum_when_sections_overlap(
    steps: list[tuple[list[int], list[int]]], data: st.DataObject
) -> None:
    sections = (Section("group", "first", ("conv1",)), Section("group", "second", ("conv2",)))
    owners = tuple(
        tuple(data.draw(st.integers(0, 1)) for _ in (*moves, *computes))
        for moves, computes in steps
    )
    program = build_program(toy_graph(), [Block(sections, random_schedule(steps), owners)])
    timeline = run_program(program)
    assert_sums(timeline)
    for number, span in enumerate(timeline.section_spans().tolist()):
        own = program.section == number
        ends = timeline.end[own].max(initial=-1), timeline.start[own].min(initial=10**9)
        assert span == max(0, ends[0] + 1 - ends[1])


def assert_sums(timeline: Timeline) -> None:
    program, total = timeline.program, timeline.total_cycles
    assert int(timeline.section_cycles().sum()) == total
    assert (timeline.section_cycles() >= 0).all()
    assert (timeline.section_states.sum(axis=1) == timeline.section_cycles()).all()
    assert sum(timeline.state_cycles().values()) == total
    busy = [timeline.gdma_busy_cycles, timeline.bdc_busy_cycles]
    assert timeline.op_busy().sum(axis=0).tolist() == busy
    assert timeline.section_busy().sum(axis=0).tolist() == busy
    assert sum(timeline.category_cycles().values()) == sum(busy)
    states = timeline.state_cycles()
    assert states[State.OVERLAP] + states[State.TRANSFER_ONLY] == busy[GDMA]
    assert states[State.OVERLAP] + states[State.COMPUTE_ONLY] == busy[BDC]
    drawn = [np.zeros(total, dtype=bool) for _ in range(2)]
    for engine, start, end in zip(program.engine, timeline.start, timeline.end, strict=True):
        assert not drawn[engine][start : end + 1].any()
        drawn[engine][start : end + 1] = True
    assert int((drawn[0] & drawn[1]).sum()) == timeline.overlap_cycles


def test_records_name_everything() -> None:
    records = toy_run().timeline.to_records()
    assert len(records) == 14
    assert records[3] == {
        "command": 3,
        "engine": "BDC",
        "unit": "CONV",
        "name": "conv",
        "category": "compute",
        "section": "conv1",
        "op": "conv1",
        "start_cycle": 300,
        "end_cycle": 419,
        "cycles": 120,
        "nbytes": 0,
        "waits_for": 1,
    }
    assert records[0]["name"] == "gmem_to_lmem"
    assert records[0]["nbytes"] == 8192


def test_lifetimes_span_first_write_to_last_use() -> None:
    timeline = toy_run().timeline
    found = lifetimes(timeline)
    columns = (found.section, found.buffer, found.first_cycle, found.last_cycle)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    values = {(section, buffer): cycles for section, buffer, *cycles in rows}
    assert values[0, 0] == [0, 539]
    assert values[0, 1] == [200, 419]
    assert values[0, 4] == [420, 719]
    assert len(values) == 10
    cycles, used = lmem_use(timeline)
    assert cycles[0] == 0
    assert used[0] == 128
    assert used[-1] == 0
    assert used.max() == 128 + 64 * 3


def test_a_result_in_place_of_its_operand_counts_once() -> None:
    """64 bytes come in, 48 of them are overwritten while they are read."""
    operand, result = TILES_IN[0], LmemSpan(3, TILES_IN[0].address, 48)
    schedule = (
        Step((Transfer("GDMA_TENSOR", Direction.FILL, 10, 0, writes=(operand,)),)),
        Step((), (Instruction("AR", "add", 20, reads=(operand,), writes=(result,)),)),
        Step((), (Instruction("AR", "add", 30, reads=(result,), writes=(TILES_OUT[1],)),)),
    )
    cycles, used = lmem_use(run_program(build_program(toy_graph(), [block("conv1", schedule)])))
    at = np.searchsorted(cycles, [0, 10, 29, 30, 59, 60], side="right") - 1
    assert used[at].tolist() == [64, 64, 64, 48 + 64, 48 + 64, 0]


spans = st.builds(LmemSpan, st.integers(0, 3), st.integers(0, 6), st.integers(1, 5))


@given(st.lists(st.tuples(st.integers(1, 5), st.lists(spans, max_size=2), spans), min_size=1))
def test_bytes_in_use_are_those_that_some_value_holds(
    commands: list[tuple[int, list[LmemSpan], LmemSpan]],
) -> None:
    """Counted byte by byte and cycle by cycle."""
    instructions = [
        Instruction("AR", "add", cycles, reads=tuple(reads), writes=(made,))
        for cycles, reads, made in commands
    ]
    schedule = tuple(Step((), (instruction,)) for instruction in instructions)
    timeline = run_program(build_program(toy_graph(), [block("conv1", schedule)]))
    held: list[set[int]] = [set() for _ in range(timeline.total_cycles + 1)]
    alive = lifetimes(timeline)
    columns = (alive.address, alive.end_address, alive.first_cycle, alive.last_cycle)
    for address, after, first, last in zip(*(column.tolist() for column in columns), strict=True):
        for cycle in range(first, last + 1):
            held[cycle].update(range(address, after))
    cycles, used = lmem_use(timeline)
    at = np.searchsorted(cycles, np.arange(len(held)), side="right") - 1
    assert used[at].tolist() == [len(each) for each in held]


def test_no_commands_at_all() -> None:
    timeline = run_program(build_program(toy_graph(), []))
    assert timeline.total_cycles == 0
    assert timeline.overlap_cycles == 0
    assert_sums(timeline)
    assert replace(timeline).to_records() == []
