"""A run as a Chrome trace: opens in Perfetto (ui.perfetto.dev) and in chrome://tracing.

One process, three tracks in fixed order: sections, GDMA, BDC (TIU); and counters for the DDR
bandwidth and the local memory in use. Times are microseconds rounded to nanoseconds; the exact
cycles are in the arguments of every event.
"""

from __future__ import annotations

import gzip
import json
import math
import os
from typing import Any

import numpy as np

from lgsim.errors import LgsimError
from lgsim.report.files import write_atomic
from lgsim.report.palette import TRACE_COLORS
from lgsim.report.summary import section_titles
from lgsim.run_data import RunData
from lgsim.simulator.engines import BDC, ENGINE_NAMES, GDMA
from lgsim.simulator.lifetimes import lmem_use
from lgsim.simulator.program import Category
from lgsim.simulator.timeline import State

_PROCESS = 1
_SECTION_TRACK = 1
_ENGINE_TRACKS = {GDMA: 2, BDC: 3}
_TRACK_NAMES = {1: "Sections", 2: "GDMA", 3: "BDC (TIU)"}

Event = dict[str, Any]


def write_trace(run: RunData, path: str | os.PathLike[str]) -> None:
    """Write the trace of a run; compressed if the name ends in ``.gz``.

    Raises
    ------
    LgsimError
        For another suffix, or a file that cannot be written.
    """
    if not str(path).endswith((".json", ".json.gz")):
        hint = "end the name in .json or .json.gz"
        raise LgsimError("cannot write this kind of trace", where=str(path), hint=hint)
    text = json.dumps(trace_json(run), separators=(",", ":"), ensure_ascii=False)
    data = text.encode()
    if str(path).endswith(".gz"):
        data = gzip.compress(data, compresslevel=6, mtime=0)
    write_atomic(path, data)


def trace_json(run: RunData) -> dict[str, Any]:
    """The trace as JSON values: events sorted by time, totals in ``otherData``."""
    events = [*_sections(run), *_commands(run), *_counters(run)]
    events.sort(key=lambda event: (event["ts"], event.get("tid", 0), -event.get("dur", 0)))
    timeline = run.timeline
    return {
        "traceEvents": [*_names(run), *events],
        "displayTimeUnit": "ns",
        "otherData": {
            "model": run.model,
            "target": run.target,
            "precision": run.precision,
            "strategy": run.strategy,
            "timing": run.timing,
            "clock_mhz": run.clock_mhz,
            "cycles": run.cycles,
            "latency_ms": run.latency_ms,
            "gdma_busy_cycles": timeline.gdma_busy_cycles,
            "bdc_busy_cycles": timeline.bdc_busy_cycles,
            "overlap_cycles": timeline.overlap_cycles,
            "gmem_load_bytes": run.program.gmem_load_bytes,
            "gmem_store_bytes": run.program.gmem_store_bytes,
        },
    }


def _names(run: RunData) -> list[Event]:
    """Metadata: names of the process and of its tracks, and the order of the tracks."""
    title = f"{run.model} on {run.target}, {run.precision}, {run.strategy}, {run.timing}"
    events: list[Event] = [
        {"ph": "M", "name": "process_name", "pid": _PROCESS, "args": {"name": title}}
    ]
    for track, name in _TRACK_NAMES.items():
        where = {"ph": "M", "pid": _PROCESS, "tid": track}
        events.append({**where, "name": "thread_name", "args": {"name": name}})
        events.append({**where, "name": "thread_sort_index", "args": {"sort_index": track}})
    return events


class _Clock:
    """Cycles to microseconds, rounded to nanoseconds, so that equal cycles give equal times."""

    def __init__(self, run: RunData) -> None:
        self._mhz = run.clock_mhz

    def nanoseconds(self, cycle: int) -> int:
        return (2000 * cycle + self._mhz) // (2 * self._mhz)

    def microseconds(self, cycle: int) -> float:
        return microseconds(self.nanoseconds(cycle))

    def span(self, first: int, after: int) -> dict[str, float]:
        """``ts`` and ``dur`` of an event from cycle `first` to just before `after`."""
        begin, end = self.nanoseconds(first), self.nanoseconds(after)
        return {"ts": microseconds(begin), "dur": microseconds(end - begin)}


def microseconds(nanoseconds: int) -> float:
    """Microseconds that are the same nanosecond again for readers that multiply and cut off.

    Perfetto does so, and leaves out an event that begins before the last one has ended.
    """
    value = nanoseconds / 1000
    return value if int(value * 1000) == nanoseconds else math.nextafter(value, math.inf)


def _sections(run: RunData) -> list[Event]:
    """Groups and global layers; they follow one another without a gap."""
    timeline, program, clock = run.timeline, run.program, _Clock(run)
    spans = zip(timeline.section_start.tolist(), timeline.section_end.tolist(), strict=True)
    states, titles = timeline.section_states.tolist(), section_titles(program)
    return [
        {
            "ph": "X",
            "pid": _PROCESS,
            "tid": _SECTION_TRACK,
            "name": section.name,
            "cat": section.kind,
            **clock.span(first, after),
            "args": {
                "what": titles[number],
                "start_cycle": first,
                "cycles": after - first,
                "overlap_cycles": states[number][State.OVERLAP],
                "idle_cycles": states[number][State.IDLE],
                "ops": list(section.ops),
            },
        }
        for number, (section, (first, after)) in enumerate(
            zip(program.sections, spans, strict=True)
        )
        if after > first
    ]


def _commands(run: RunData) -> list[Event]:
    """One event per command that takes time."""
    program, timeline, clock = run.program, run.timeline, _Clock(run)
    events: list[Event] = []
    columns = zip(
        program.engine.tolist(),
        program.category.tolist(),
        program.op.tolist(),
        program.nbytes.tolist(),
        program.wait.tolist(),
        timeline.start.tolist(),
        timeline.end.tolist(),
        strict=True,
    )
    for command, (engine, category, op, nbytes, wait, start, end) in enumerate(columns):
        if end < start:
            continue
        kind, record = Category(category), program.records[command]
        args: dict[str, Any] = {
            "op": program.ops[op].name,
            "unit": record.unit,
            "command": command,
            "start_cycle": start,
            "cycles": end - start + 1,
        }
        if engine == GDMA:
            args["bytes"] = nbytes
        if wait >= 0:
            args["waits_for"] = f"{ENGINE_NAMES[1 - engine]} command {wait}"
        events.append(
            {
                "ph": "X",
                "pid": _PROCESS,
                "tid": _ENGINE_TRACKS[engine],
                "name": program.command_name(command),
                "cat": kind.name.lower(),
                "cname": TRACE_COLORS[kind],
                **clock.span(start, end + 1),
                "args": args,
            }
        )
    return events


def _counters(run: RunData) -> list[Event]:
    """DDR bandwidth of the transfer at work, and bytes of a lane that hold live values."""
    program, timeline, clock = run.program, run.timeline, _Clock(run)
    events: list[Event] = []
    transfers = np.flatnonzero((program.engine == GDMA) & (timeline.end >= timeline.start))
    free_from = 0
    for command in transfers.tolist():
        start, after = int(timeline.start[command]), int(timeline.end[command]) + 1
        if start > free_from:
            events.append(_counter("DDR GB/s", clock, free_from, {"load": 0, "store": 0}))
        rate = int(program.nbytes[command]) * run.clock_mhz / (after - start) / 1e3
        kind = Category(int(program.category[command]))
        rates = {
            "load": round(rate, 3) if kind.loads else 0,
            "store": round(rate, 3) if kind.stores else 0,
        }
        events.append(_counter("DDR GB/s", clock, start, rates))
        free_from = after
    if len(transfers):
        events.append(_counter("DDR GB/s", clock, free_from, {"load": 0, "store": 0}))
    cycles, used = lmem_use(timeline)
    for cycle, nbytes in zip(cycles.tolist(), used.tolist(), strict=True):
        events.append(_counter("LMEM bytes per lane", clock, cycle, {"live": nbytes}))
    return events


def _counter(name: str, clock: _Clock, cycle: int, values: dict[str, Any]) -> Event:
    ts = clock.microseconds(cycle)
    return {"ph": "C", "pid": _PROCESS, "name": name, "ts": ts, "args": values}
