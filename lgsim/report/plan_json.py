"""Plan files and the table of `lgsim plan`: which ops go together, and what each section takes."""

from __future__ import annotations

import json
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from lgsim.errors import LgsimError
from lgsim.frontends.plan_file import SCHEMA
from lgsim.graph import Graph
from lgsim.plans import fingerprint
from lgsim.report.summary import section_titles
from lgsim.report.tables import Column, counted, shorten, table
from lgsim.settings import Settings

if TYPE_CHECKING:
    from lgsim.pipeline import Prepared
    from lgsim.run_data import RunData
from lgsim.simulator.lifetimes import section_peaks

_NAME_WIDTH = 60


def plan_document(
    prepared: Prepared, run: RunData, net: str | PathLike[str] | Graph
) -> dict[str, Any]:
    """A plan as JSON values, with all it takes to schedule the network so again.

    Parameters
    ----------
    prepared : Prepared
        What was planned.
    run : RunData
        Its simulation.
    net : str, path or Graph
        What it was prepared from.

    Raises
    ------
    LgsimError
        If the chip is no file that the plan could name.
    """
    settings = prepared.settings
    return {
        "format": "lgsim plan",
        "schema": SCHEMA,
        "network": {
            "name": run.model,
            "source": None if isinstance(net, Graph) else fspath(net),
            "batch": settings.batch,
            "shapes": {name: list(shape) for name, shape in (settings.shapes or {}).items()},
            "args": dict(settings.args or {}),
            "fingerprint": fingerprint(prepared.typed),
        },
        "settings": _settings(settings, run.precision),
        "strategy": run.strategy,
        "cycles": run.cycles,
        "sections": _sections(run),
    }


def _settings(settings: Settings, precision: str) -> dict[str, Any]:
    if not isinstance(settings.target, str | PathLike):
        raise LgsimError(
            "a plan file names its chip, and this one is a value",
            where=settings.target.name,
            hint="give the chip by name or by file",
        )
    return {
        "target": fspath(settings.target),
        "precision": precision,
        "io_dtype": settings.io_dtype,
        "timing": settings.timing,
        "disable": sorted(settings.disable),
        "enable": sorted(settings.enable),
        "overrides": dict(settings.overrides),
    }


def _sections(run: RunData) -> list[dict[str, Any]]:
    cycles = run.timeline.section_cycles().tolist()
    peaks = section_peaks(run.timeline).tolist()
    rows: list[dict[str, Any]] = []
    for section, taken, peak in zip(run.plan.sections, cycles, peaks, strict=True):
        row: dict[str, Any] = {
            "kind": section.kind,
            "ops": list(section.ops),
            "cycles": taken,
            "lmem_peak_bytes": peak,
            "reason": section.reason,
        }
        if section.kind == "group":
            row["type"] = section.type
            row["secs"] = dict(zip("ncdhw", section.secs, strict=True))
        rows.append(row)
    return rows


def plan_text(document: dict[str, Any]) -> str:
    """A plan document as text that lines up in a diff: keys sorted, an op of a group per line."""
    lines = []
    for key in sorted(document):
        value = document[key]
        text = _listed(value) if key == "sections" else _compact(value)
        lines.append(f" {_compact(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _listed(sections: list[dict[str, Any]]) -> str:
    return "[\n" + ",\n".join(f"  {_section(section)}" for section in sections) + "\n ]"


def _section(section: dict[str, Any]) -> str:
    if section["kind"] == "global":
        return _compact(section)
    parts = []
    for key in sorted(section):
        value = section[key]
        text = _compact(value)
        if key == "ops":
            text = "[\n" + ",\n".join(f"   {_compact(name)}" for name in value) + "\n  ]"
        parts.append(f"{_compact(key)}: {text}")
    return "{" + ", ".join(parts) + "}"


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def plan_table(run: RunData) -> str:
    """A line per section: what it is, how it is cut, what it takes, and how full memory gets."""
    cycles = run.timeline.section_cycles().tolist()
    peaks = section_peaks(run.timeline).tolist()
    titles = section_titles(run.program)
    rows = [
        [
            str(number),
            shorten(section.name, _NAME_WIDTH),
            section.type if section.kind == "group" else titles[number],
            str(len(section.ops)),
            _secs(section.secs) if section.kind == "group" else "",
            f"{cycles[number]:,}",
            f"{peaks[number] / 1024:,.1f}" if peaks[number] else "",
        ]
        for number, section in enumerate(run.plan.sections)
        if section.kind == "group" or cycles[number]
    ]
    columns = [
        Column("no."),
        Column("section", "left"),
        Column("type or op", "left"),
        Column("ops"),
        Column("slices", "left"),
        Column("cycles"),
        Column("peak KiB/lane"),
    ]
    free = len(run.plan.sections) - len(rows)
    tail = f"{run.cycles:,} cycles ({run.latency_ms:,.3f} ms)"
    if free:
        tail += f"; not listed: {counted(free, 'global layer')} without commands"
    return f"{table(columns, rows)}\n\n{tail}"


def _secs(secs: tuple[int, ...]) -> str:
    """Slices per axis, only those that are cut."""
    cut = [f"{axis}{count}" for axis, count in zip("ncdhw", secs, strict=True) if count > 1]
    return " ".join(cut) or "whole"
