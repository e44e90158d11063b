"""`lgsim simulate --json`: the keys that scripts rely on."""

from __future__ import annotations

from typing import Any

from lgsim.run_data import RunData
from lgsim.simulator.lifetimes import section_peaks
from lgsim.simulator.program import Category
from lgsim.simulator.timeline import State

SCHEMA = 1


def result_json(run: RunData) -> dict[str, Any]:
    """A run as plain JSON values; equal runs give equal values.

    Returns
    -------
    dict
        ``cycles`` and everything called ``_cycles`` in clock cycles, bytes as exact traffic with
        global memory (a move counts as load and as store). The four ``state_cycles`` sum to
        ``cycles``, as do the ``cycles`` of the sections. Of a lane's local memory a section uses
        ``lmem_peak_bytes`` at one time, in addresses up to ``lmem_top_bytes``.
    """
    program, timeline = run.program, run.timeline
    categories = timeline.category_cycles()
    return {
        "schema": SCHEMA,
        "model": run.model,
        "target": run.target,
        "precision": run.precision,
        "strategy": run.strategy,
        "timing": run.timing,
        "cycles": run.cycles,
        "latency_ms": run.latency_ms,
        "macs": run.macs,
        "params": run.params,
        "gmem_load_bytes": program.gmem_load_bytes,
        "gmem_store_bytes": program.gmem_store_bytes,
        "gmem_bytes_by_category": {
            kind.name.lower(): nbytes
            for kind, nbytes in program.bytes_by_category().items()
            if kind.loads or kind.stores
        },
        "gdma_busy_cycles": timeline.gdma_busy_cycles,
        "bdc_busy_cycles": timeline.bdc_busy_cycles,
        "overlap_cycles": timeline.overlap_cycles,
        "state_cycles": {
            state.name.lower(): cycles for state, cycles in timeline.state_cycles().items()
        },
        "category_cycles": {kind.name.lower(): categories[kind] for kind in Category},
        "commands": program.size,
        "sections": _sections(run),
        "op_counts": dict(sorted(run.op_counts.items())),
        "features": dict(sorted(run.features.items())),
        "warnings": list(run.warnings),
    }


def _sections(run: RunData) -> list[dict[str, Any]]:
    """One entry per group and per global layer, in the order they run."""
    cycles = run.timeline.section_cycles().tolist()
    states = run.timeline.section_states.tolist()
    peaks = section_peaks(run.timeline).tolist()
    tops = run.program.section_lmem_bytes().tolist()
    rows: list[dict[str, Any]] = []
    for number, section in enumerate(run.program.sections):
        row: dict[str, Any] = {
            "kind": section.kind,
            "ops": list(section.ops),
            "cycles": cycles[number],
            "overlap_cycles": states[number][State.OVERLAP],
            "lmem_peak_bytes": peaks[number],
            "lmem_top_bytes": tops[number],
            "reason": section.reason,
        }
        if section.kind == "group":
            row["type"] = section.type
            row["secs"] = dict(zip("ncdhw", section.secs, strict=True))
        rows.append(row)
    return rows
