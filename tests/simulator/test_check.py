"""The sanitizer passes a sound schedule and, for each rule, reports exactly that rule on a broken
one.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_schedule import (
    TILES_IN,
    TILES_OUT,
    WEIGHT,
    convolve,
    half,
    load,
    store,
    toy_blocks,
    toy_graph,
    toy_run,
    toy_schedule,
)

from lgsim.graph.builder import GraphBuilder
from lgsim.graph.dtypes import DType
from lgsim.kernels.schedule import Direction, GmemBox, LmemSpan, Schedule, Step, Transfer
from lgsim.planner import plan_network
from lgsim.planner.group import GroupEvaluator
from lgsim.simulator.blocks import plan_blocks
from lgsim.simulator.build import build_program
from lgsim.simulator.check import RULES, Violation, check
from lgsim.simulator.timeline import Timeline, run_program
from lgsim.target.chip import Chip


def violations(chip: Chip, first: Schedule | None = None) -> list[Violation]:
    """What the sanitizer says of the toy, with another schedule for its first convolution."""
    return check_timeline(chip, toy_run(toy_blocks(first)).timeline)


def check_timeline(chip: Chip, timeline: Timeline) -> list[Violation]:
    return check(timeline.program, timeline, chip, toy_graph())


def only(found: list[Violation], rule: str) -> Violation:
    """The first violation, after making sure that all are of one rule."""
    assert {violation.rule for violation in found} == {rule}, found
    assert rule in RULES
    return found[0]


def changed(step: int, **parts: object) -> Schedule:
    """The good schedule with one step changed."""
    schedule = list(toy_schedule())
    schedule[step] = replace(schedule[step], **parts)
    return tuple(schedule)


def test_a_sound_schedule_passes(chip: Chip) -> None:
    assert violations(chip) == []


# -- the timeline itself -------------------------------------------------------------------------


def moved(timeline: Timeline, command: int, cycles: int) -> Timeline:
    """The timeline with one command shifted; its sums are left as they were."""
    start, end = timeline.start.copy(), timeline.end.copy()
    start[command] += cycles
    end[command] += cycles
    return replace(timeline, start=start, end=end)


def test_two_commands_on_one_engine(chip: Chip) -> None:
    # Command 1 loads x while command 0 still loads the weight, to other bytes.
    timeline = moved(toy_run().timeline, 1, -10)
    found = [v for v in check_timeline(chip, timeline) if v.rule != "totals"]
    violation = only(found, "engine-order")
    assert violation.command == 1
    assert "190" in violation.detail
    assert "199" in violation.detail


def test_another_duration_than_the_command_has(chip: Chip) -> None:
    timeline = toy_run().timeline
    end = timeline.end.copy()
    end[2] -= 1
    found = check_timeline(chip, replace(timeline, end=end))
    assert [v.command for v in found if v.rule == "engine-order"] == [2]


def test_overtaking_the_command_it_waits_for(chip: Chip) -> None:
    # Load x1 (command 9) of the second convolution waits for conv (5) but shares no byte with
    # what runs then; give it a wait on something that ends later.
    timeline = toy_run().timeline
    wait = timeline.program.wait.copy()
    wait[9] = 10
    program = replace(timeline.program, wait=wait)
    violation = only(check_timeline(chip, replace(timeline, program=program)), "wait")
    assert violation.command == 9


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("total_cycles", "total cycles"),
        ("busy_cycles", "GDMA busy cycles"),
        ("section_states", "section 0"),
        ("section_end", "end of section 0"),
    ],
)
def test_sums_that_do_not_add_up(chip: Chip, field: str, name: str) -> None:
    timeline = toy_run().timeline
    value = getattr(timeline, field)
    if isinstance(value, np.ndarray):
        value = value.copy()
        value.flat[0] += 1
    else:
        value += 1
    found = check_timeline(chip, replace(timeline, **{field: value}))
    only(found, "totals")
    assert any(name in violation.where for violation in found)


def test_bytes_that_do_not_add_up(chip: Chip) -> None:
    timeline = toy_run().timeline
    nbytes = timeline.program.nbytes.copy()
    nbytes[0] -= 2
    program = replace(timeline.program, nbytes=nbytes)
    violation = only(check_timeline(chip, replace(timeline, program=program)), "totals")
    assert violation.where == "bytes loaded"


# -- local memory --------------------------------------------------------------------------------


def test_beyond_the_lane(chip: Chip) -> None:
    outside = LmemSpan(9, chip.lmem_bytes - 32, 64)
    extra = load(half(0, 1), outside)
    schedule = changed(1, transfers=(*toy_schedule()[1].transfers, extra))
    violation = only(violations(chip, schedule), "lmem-bounds")
    assert str(chip.lmem_bytes - 32) in violation.detail


def test_below_zero(chip: Chip) -> None:
    extra = load(half(0, 1), LmemSpan(9, -64, 64))
    schedule = changed(1, transfers=(*toy_schedule()[1].transfers, extra))
    only(violations(chip, schedule), "lmem-bounds")


def test_reading_before_the_load_has_ended(chip: Chip) -> None:
    # The first tile is loaded in the step that computes on it, so nothing makes it wait.
    weight, first = toy_schedule()[0].transfers
    schedule = list(toy_schedule())
    schedule[0] = Step((weight,))
    schedule[1] = Step((first, *schedule[1].transfers), schedule[1].instructions)
    violation = only(violations(chip, tuple(schedule)), "lmem-order")
    assert violation.command == 3
    assert "command 1" in violation.detail


def test_storing_before_the_compute_has_ended(chip: Chip) -> None:
    schedule = list(toy_schedule())
    schedule[2] = Step((store(0),), ())
    schedule[3] = Step((store(1),), (convolve(1),))
    # In program order the store comes first, so it finds nothing of its own to store.
    found = violations(chip, tuple(schedule))
    assert {violation.rule for violation in found} == {"lmem-value", "lmem-order"}
    assert "nothing was ever written" in found[0].detail


def test_overwriting_what_is_still_read(chip: Chip) -> None:
    # The second tile is loaded over the first while the first is being computed on.
    over = LmemSpan(2, TILES_IN[0].address, 64)
    schedule = list(toy_schedule())
    schedule[1] = Step((), schedule[1].instructions)
    compute = replace(convolve(1), reads=(over, WEIGHT))
    early = load(half(0, 1), over)
    schedule[1] = Step((), (convolve(0),))
    schedule[2] = Step((early, store(0)), ())
    good = (*schedule[:3], Step((), (compute,)), Step((store(1),)))
    assert violations(chip, good) == []
    # Swapped: the instruction comes first in the program and waits for nothing new.
    late = replace(schedule[1], instructions=(convolve(0, 120),))
    bad = (schedule[0], Step((), ()), late, *good[2:])
    assert violations(chip, bad) == []
    timeline = moved(toy_run(toy_blocks(good)).timeline, 3, -20)
    found = [v for v in check_timeline(chip, timeline) if v.rule not in ("totals", "wait")]
    assert only(found, "lmem-order").command == 3


def test_a_value_that_was_overwritten(chip: Chip) -> None:
    # The second tile goes where the first lies, and the first is read afterwards.
    over = LmemSpan(2, TILES_IN[0].address, 64)
    schedule = list(toy_schedule())
    schedule[1] = Step((load(half(0, 1), over),))
    schedule[2] = Step((), (convolve(0), replace(convolve(1), reads=(over, WEIGHT))))
    schedule[3] = Step((store(0), store(1)))
    violation = only(violations(chip, tuple(schedule)), "lmem-value")
    assert "value 2" in violation.detail


def test_a_value_of_an_earlier_section_is_not_this_ones(chip: Chip) -> None:
    # The second convolution trusts that the weight of the first is still there.
    graph_run = toy_run(toy_blocks(None, changed(0, transfers=toy_schedule()[0].transfers[1:])))
    found = check_timeline(chip, graph_run.timeline)
    violation = only(found, "lmem-value")
    assert "value 0" in violation.detail


def test_parts_of_a_value_may_be_written_one_by_one(chip: Chip) -> None:
    pieces = [LmemSpan(0, address, 64) for address in (0, 64)]
    boxes = [GmemBox(1, 64 * 32 * i, (32, 64), (64, 1)) for i in (0, 1)]
    loads = tuple(load(box, piece, 100) for box, piece in zip(boxes, pieces, strict=True))
    schedule = changed(0, transfers=(*loads, toy_schedule()[0].transfers[1]))
    assert violations(chip, schedule) == []


def test_working_in_place_is_sound(chip: Chip) -> None:
    result = LmemSpan(3, TILES_IN[0].address, 64)
    schedule = list(toy_schedule())
    schedule[1] = replace(schedule[1], instructions=(replace(convolve(0), writes=(result,)),))
    schedule[2] = replace(schedule[2], transfers=(replace(store(0), reads=(result,)),))
    assert violations(chip, tuple(schedule)) == []


# -- global memory -------------------------------------------------------------------------------


def test_faster_than_the_peak(chip: Chip) -> None:
    limit = int(4096 / chip.load_bytes_per_cycle)
    slow = changed(1, transfers=(load(half(0, 1), TILES_IN[1], limit),))
    assert violations(chip, slow) == []
    fast = changed(1, transfers=(load(half(0, 1), TILES_IN[1], limit - 2),))
    violation = only(violations(chip, fast), "bandwidth")
    assert "4,096 bytes" in violation.detail


def test_an_input_byte_nobody_loads(chip: Chip) -> None:
    short = GmemBox(0, 32, (64, 31), (64, 1))
    schedule = changed(1, transfers=(load(short, TILES_IN[1]),))
    violation = only(violations(chip, schedule), "input-load")
    assert violation.detail == "bytes 126..127 are never loaded"


def test_an_intermediate_byte_nobody_stored(chip: Chip) -> None:
    found = violations(chip, toy_schedule()[:3])
    violation = only(found, "gmem-order")
    assert "'a'" in violation.detail


def test_an_intermediate_that_is_read_too_early(chip: Chip) -> None:
    first, alias, second = toy_blocks()
    found = check_timeline(chip, toy_run([alias, second, first]).timeline)
    violation = only(found, "gmem-order")
    assert violation.detail == "reads 'a' from cycle 200, but its store ends at 1,289"
    assert violation.command == 1


def test_an_output_byte_nobody_stores(chip: Chip) -> None:
    broken = toy_run(toy_blocks(None, toy_schedule()[:3])).timeline
    violation = only(check_timeline(chip, broken), "output-store")
    assert violation.detail == "bytes 64..127 are never stored"


def test_an_output_that_is_never_stored(chip: Chip) -> None:
    second = (*toy_schedule()[:2], Step((), (convolve(1),)))
    broken = toy_run(toy_blocks(None, second)).timeline
    violation = only(check_timeline(chip, broken), "output-store")
    assert violation.detail == "bytes 0..8,191 are never stored"


def test_an_output_byte_stored_twice(chip: Chip) -> None:
    broken = toy_run(toy_blocks(None, (*toy_schedule(), Step((store(1),))))).timeline
    violation = only(check_timeline(chip, broken), "output-store")
    assert violation.detail == "byte 64 is stored more than once"


def test_an_intermediate_may_be_stored_again_before_it_is_read(chip: Chip) -> None:
    assert violations(chip, (*toy_schedule(), Step((store(1),)))) == []


def test_a_workspace_is_written_before_it_is_read(chip: Chip) -> None:
    whole = [GmemBox(operand, 0, (4096,), (1,)) for operand in (0, 2, -1)]
    there = Transfer("GDMA_TENSOR", Direction.MOVE, 400, 8192, whole[0], whole[1])
    back = Transfer("GDMA_TENSOR", Direction.MOVE, 400, 8192, whole[1], whole[2])
    assert violations(chip, (Step((there,)), Step((back,)))) == []
    violation = only(violations(chip, (Step((back,)), Step((there,)))), "gmem-order")
    assert "'conv1#workspace0'" in violation.detail


def test_partial_sums_may_go_through_global_memory(chip: Chip) -> None:
    # The result of the first tile is stored, loaded back and stored again.
    again = LmemSpan(7, 640, 64)
    back = load(half(-1, 0), again)
    store_again = replace(store(0), reads=(again,))
    schedule = (*toy_schedule(), Step((back,)), Step((store_again,)))
    assert violations(chip, schedule) == []


def test_without_any_wait_nothing_is_sound(chip: Chip) -> None:
    timeline = toy_run().timeline
    program = replace(timeline.program, wait=np.full_like(timeline.program.wait, -1))
    rules = {violation.rule for violation in check_timeline(chip, run_program(program))}
    assert rules == {"lmem-order"}


def test_writing_a_weight(chip: Chip) -> None:
    extra = replace(store(1), destination=GmemBox(1, 0, (64, 32), (64, 1)))
    violation = only(violations(chip, (*toy_schedule(), Step((extra,)))), "weight-store")
    assert "'w1'" in violation.detail


def test_outside_a_tensor(chip: Chip) -> None:
    beyond = GmemBox(0, 4096 - 31, (1, 32), (64, 1))
    extra = load(beyond, LmemSpan(9, 1024, 64))
    schedule = changed(1, transfers=(*toy_schedule()[1].transfers, extra))
    violation = only(violations(chip, schedule), "gmem-bounds")
    assert "4,096" in violation.detail


def test_every_rule_has_a_test() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{rule}"' in source for rule in RULES)


def test_the_checker_knows_nothing_of_the_planner() -> None:
    code = "import sys, lgsim.simulator.check; print('lgsim.planner' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_where_says_which_command(chip: Chip) -> None:
    wrong = replace(convolve(0), reads=(TILES_OUT[1],))
    violation = violations(chip, changed(1, instructions=(wrong,)))[0]
    assert violation.where == "command 3 (CONV conv of 'conv1')"


def test_run_program_is_always_in_order(chip: Chip) -> None:
    timeline = toy_run().timeline
    again = run_program(timeline.program)
    assert again.start.tolist() == timeline.start.tolist()


@pytest.mark.parametrize(("kernel", "stride", "size"), [(1, 2, 16), (2, 3, 16), (3, 2, 16)])
def test_input_bytes_between_the_windows_need_not_be_loaded(
    chip: Chip, kernel: int, stride: int, size: int
) -> None:
    """Strided windows leave out rows, and the last one need not reach the border."""
    b = GraphBuilder("strided", dtype=DType.F16)
    b.output(b.conv(b.input("x", (1, 64, size, size)), 64, kernel=kernel, stride=stride))
    graph, evaluator = b.build(), GroupEvaluator(chip)
    program = build_program(
        graph, plan_blocks(graph, plan_network(graph, evaluator, "none"), evaluator)
    )
    assert check(program, run_program(program), chip, graph) == []
