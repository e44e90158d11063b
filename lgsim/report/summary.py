"""The summary block of `lgsim simulate`: totals first, then where the time goes."""

from __future__ import annotations

import numpy as np

from lgsim.report.tables import Column, counted, shorten, table
from lgsim.run_data import RunData
from lgsim.simulator.lifetimes import section_peaks
from lgsim.simulator.program import Category, Program, sums_by_key
from lgsim.simulator.timeline import State

_NAME_WIDTH = 44


def summary_text(run: RunData, top: int = 10) -> str:
    """One screen on a run.

    Parameters
    ----------
    run : RunData
        The simulation.
    top : int
        How many of the slowest sections to list.

    Returns
    -------
    str
        Plain text without escape codes, without a final line break.
    """
    blocks = [_headline(run), _engines(run), _categories(run)]
    if top and run.program.size:
        blocks.append(_slowest(run, top))
    return "\n\n".join(blocks)


def section_titles(program: Program) -> list[str]:
    """What each section is, briefly: the op kind, or the group's type and number of ops."""
    kinds = {op.name: op.kind for op in program.ops}
    return [
        f"{section.type or 'group'} group, {len(section.ops)} ops"
        if section.kind == "group"
        else kinds[section.ops[0]]
        for section in program.sections
    ]


def slowest_sections(run: RunData, top: int) -> list[int]:
    """Indices of the sections that take longest, the longest first; only those that take time."""
    cycles = run.timeline.section_cycles()
    order = np.argsort(-cycles, kind="stable")[:top]
    return [int(number) for number in order if cycles[number] > 0]


def _headline(run: RunData) -> str:
    """What ran, how long it takes, and how much it moves."""
    program = run.program
    groups = sum(section.kind == "group" for section in program.sections)
    counts = [
        counted(groups, "layer group"),
        counted(len(program.sections) - groups, "global layer"),
        counted(program.size, "command"),
    ]
    size = f"{run.macs / 1e9:,.3f} G MACs, {run.params / 1e6:,.3f} M parameters"
    fps = f", {1e3 * run.batch / run.latency_ms:,.1f} fps" if run.cycles else ""
    cycles = f"{run.cycles:,} cycles at {run.clock_mhz:,} MHz"
    loaded, stored = program.gmem_load_bytes, program.gmem_store_bytes
    lines = [
        f"model      {run.model} ({size})",
        f"chip       {run.target}, {run.precision}, timing profile {run.timing}",
        f"strategy   {run.strategy}: {', '.join(counts)}",
        f"latency    {run.latency_ms:,.3f} ms{fps} ({cycles})",
        f"DDR bytes  {_mb(loaded + stored)} MB ({_mb(loaded)} loaded, {_mb(stored)} stored)",
    ]
    return "\n".join(lines)


def _engines(run: RunData) -> str:
    """Busy and idle time of both engines, and how far they overlap."""
    timeline = run.timeline
    rows = [
        _time_row(run, "GDMA busy", timeline.gdma_busy_cycles),
        _time_row(run, "BDC (TIU) busy", timeline.bdc_busy_cycles),
        _time_row(run, "GDMA idle", run.cycles - timeline.gdma_busy_cycles),
        _time_row(run, "BDC (TIU) idle", run.cycles - timeline.bdc_busy_cycles),
    ]
    names = {
        State.OVERLAP: "both busy (overlap)",
        State.TRANSFER_ONLY: "only GDMA busy",
        State.COMPUTE_ONLY: "only BDC (TIU) busy",
        State.IDLE: "both idle",
    }
    cycles = timeline.state_cycles()
    rows += [_time_row(run, name, cycles[state]) for state, name in names.items()]
    columns = [Column("time", "left"), Column("ms"), Column("cycles"), Column("of total")]
    return table(columns, rows)


def _time_row(run: RunData, name: str, cycles: int) -> list[str]:
    return [name, f"{run.milliseconds(cycles):,.3f}", f"{cycles:,}", _share(cycles, run.cycles)]


def _categories(run: RunData) -> str:
    """Commands, bytes and busy time per category, without those that do not occur."""
    program = run.program
    cycles, nbytes = run.timeline.category_cycles(), program.bytes_by_category()
    counts = sums_by_key(program.category, np.ones_like(program.cycles), len(Category))
    rows = [
        [
            kind.label,
            f"{int(counts[kind]):,}",
            "" if kind is Category.COMPUTE else _mb(nbytes[kind]),
            f"{run.milliseconds(cycles[kind]):,.3f}",
            _share(cycles[kind], run.cycles),
        ]
        for kind in Category
        if counts[kind]
    ]
    columns = [
        Column("category", "left"),
        Column("commands"),
        Column("MB"),
        Column("busy ms"),
        Column("of total"),
    ]
    return table(columns, rows)


def _slowest(run: RunData, top: int) -> str:
    """The sections that take longest."""
    timeline, program = run.timeline, run.program
    cycles, states = timeline.section_cycles(), timeline.section_states
    nbytes = sums_by_key(program.section, program.nbytes, len(program.sections))
    titles, peaks = section_titles(program), section_peaks(timeline)
    rows = []
    for number in slowest_sections(run, top):
        span = int(cycles[number])
        rows.append(
            [
                shorten(program.sections[number].name, _NAME_WIDTH),
                titles[number],
                f"{run.milliseconds(span):,.3f}",
                _share(span, run.cycles),
                _share(int(states[number, [State.TRANSFER_ONLY, State.OVERLAP]].sum()), span),
                _share(int(states[number, [State.COMPUTE_ONLY, State.OVERLAP]].sum()), span),
                _share(int(states[number, State.OVERLAP]), span),
                _mb(int(nbytes[number])),
                f"{int(peaks[number]) / 1024:,.1f}",
            ]
        )
    columns = [
        Column(f"slowest {len(rows)} of {len(program.sections)}", "left"),
        Column("kind", "left"),
        *map(Column, ("ms", "of total", "GDMA", "BDC", "overlap", "MB", "LMEM KiB")),
    ]
    return table(columns, rows)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _mb(nbytes: int) -> str:
    return f"{nbytes / 1e6:,.2f}"
