"""The schedule sanitizer: replays a program and its timeline against the rules of the chip.

Written from the rules alone: it shares no code with the planner and believes none of the
timeline's sums. `lgsim.simulator.violation.RULES` lists what it knows.
"""

from __future__ import annotations

from lgsim.graph.core import Graph
from lgsim.kernels.schedule import Direction, Transfer
from lgsim.simulator.check_gmem import check_gmem
from lgsim.simulator.check_lmem import check_lmem
from lgsim.simulator.engines import BDC, ENGINE_NAMES, GDMA
from lgsim.simulator.program import Program
from lgsim.simulator.timeline import State, Timeline
from lgsim.simulator.violation import RULES, Violation, at_command
from lgsim.target.chip import Chip

__all__ = ["RULES", "Violation", "check"]


def check(program: Program, timeline: Timeline, chip: Chip, graph: Graph) -> list[Violation]:
    """Everything that is wrong with a schedule.

    Parameters
    ----------
    program : Program
        The commands.
    timeline : Timeline
        When they run; may come from anywhere.
    chip : Chip
        Memory sizes and peaks.
    graph : Graph
        The network the program claims to run.

    Returns
    -------
    list of Violation
        Empty for a sound schedule; ordered by rule group, then by command.
    """
    return [
        *_check_engines(program, timeline),
        *check_lmem(program, timeline, chip.lmem_bytes),
        *check_gmem(program, timeline, graph),
        *_check_bandwidth(program, chip),
        *_check_totals(program, timeline),
    ]


def _check_engines(program: Program, timeline: Timeline) -> list[Violation]:
    """Commands that overlap their predecessor, overtake their wait or take another time."""
    found: list[Violation] = []
    busy_until, previous = [-1, -1], [-1, -1]
    start, end = timeline.start.tolist(), timeline.end.tolist()
    columns = zip(
        program.engine.tolist(), program.cycles.tolist(), program.wait.tolist(), strict=True
    )
    for command, (engine, cycles, wait) in enumerate(columns):
        begins = start[command]
        if end[command] - begins + 1 != cycles:
            detail = f"runs {end[command] - begins + 1:,} cycles instead of {cycles:,}"
            found.append(at_command(program, command, "engine-order", detail))
        if begins <= busy_until[engine]:
            detail = f"starts at cycle {begins:,}, but command {previous[engine]} keeps the"
            detail += f" {ENGINE_NAMES[engine]} until {busy_until[engine]:,}"
            found.append(at_command(program, command, "engine-order", detail))
        if wait >= 0 and begins <= end[wait]:
            detail = f"starts at cycle {begins:,}, but command {wait} ends at {end[wait]:,}"
            found.append(at_command(program, command, "wait", detail))
        if end[command] > busy_until[engine]:
            busy_until[engine], previous[engine] = end[command], command
    return found


def _check_bandwidth(program: Program, chip: Chip) -> list[Violation]:
    """Transfers that move more bytes than their cycles allow.

    The laws round cycles down, so the peak may be exceeded by what one more cycle carries.
    """
    peaks = {
        Direction.LOAD: chip.load_bytes_per_cycle,
        Direction.STORE: chip.store_bytes_per_cycle,
        Direction.MOVE: chip.move_bytes_per_cycle,
    }
    found: list[Violation] = []
    for command, record in enumerate(program.records):
        if not isinstance(record, Transfer) or record.direction not in peaks:
            continue
        peak = peaks[record.direction]
        if record.nbytes > peak * (record.cycles + 1):
            detail = f"moves {record.nbytes:,} bytes in {record.cycles:,} cycles;"
            detail += f" the peak is {peak:.1f} bytes a cycle"
            found.append(at_command(program, command, "bandwidth", detail))
    return found


def _check_totals(program: Program, timeline: Timeline) -> list[Violation]:
    """Figures of the timeline and the program that do not follow from their commands."""
    start, end = timeline.start.tolist(), timeline.end.tolist()
    engine = program.engine.tolist()
    total = max(end, default=-1) + 1
    spans: list[list[tuple[int, int]]] = [[], []]
    for unit, first, last in zip(engine, start, end, strict=True):
        spans[unit].append((first, last + 1))
    busy = [sum(last - first for first, last in spans[unit]) for unit in (GDMA, BDC)]
    both = _intersection(sorted(spans[GDMA]), sorted(spans[BDC]))
    states = timeline.section_states.sum(axis=0).tolist()
    loaded, stored = _traffic(program)
    figures = [
        ("total cycles", timeline.total_cycles, total),
        ("GDMA busy cycles", timeline.gdma_busy_cycles, busy[GDMA]),
        ("BDC busy cycles", timeline.bdc_busy_cycles, busy[BDC]),
        ("overlap cycles", states[State.OVERLAP], both),
        ("transfer-only cycles", states[State.TRANSFER_ONLY], busy[GDMA] - both),
        ("compute-only cycles", states[State.COMPUTE_ONLY], busy[BDC] - both),
        ("idle cycles", states[State.IDLE], total - sum(busy) + both),
        ("bytes loaded", program.gmem_load_bytes, loaded),
        ("bytes stored", program.gmem_store_bytes, stored),
        *_window_figures(program, timeline),
    ]
    return [
        Violation("totals", name, f"reported as {given:,}, but the commands give {counted:,}")
        for name, given, counted in figures
        if given != counted
    ]


def _window_figures(program: Program, timeline: Timeline) -> list[tuple[str, int, int]]:
    """Begin, end and states of every section's window: name, as reported, as counted."""
    reach = [0] * len(program.sections)
    for section, last in zip(program.section.tolist(), timeline.end.tolist(), strict=True):
        reach[section] = max(reach[section], last + 1)
    figures: list[tuple[str, int, int]] = []
    begin = 0
    for number, section in enumerate(program.sections):
        name = f"section {number} '{section.name}'"
        end = max(begin, reach[number])
        states = int(timeline.section_states[number].sum())
        figures.append((f"first cycle of {name}", int(timeline.section_start[number]), begin))
        figures.append((f"end of {name}", int(timeline.section_end[number]), end))
        figures.append((f"cycles by state of {name}", states, end - begin))
        begin = end
    return figures


def _intersection(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> int:
    """Cycles that two ascending lists of spans (first, one after the last) share."""
    shared = i = j = 0
    while i < len(left) and j < len(right):
        shared += max(0, min(left[i][1], right[j][1]) - max(left[i][0], right[j][0]))
        if left[i][1] <= right[j][1]:
            i += 1
        else:
            j += 1
    return shared


def _traffic(program: Program) -> tuple[int, int]:
    """Bytes loaded from and stored to global memory, summed over the transfers."""
    moved = dict.fromkeys(Direction, 0)
    for record in program.records:
        if isinstance(record, Transfer):
            moved[record.direction] += record.nbytes
    loaded = moved[Direction.LOAD] + moved[Direction.MOVE]
    return loaded, moved[Direction.STORE] + moved[Direction.MOVE]
