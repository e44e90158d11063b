"""Recorded commands beside lgsim's own for the same plan, op by op: text and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lgsim.analysis.validation import PlanComparison
from lgsim.report.tables import Column, shorten, table
from lgsim.simulator.against import OpComparison, UnitCount

_NAME_WIDTH = 48


def differences_json(result: PlanComparison) -> dict[str, Any]:
    """The keys of `lgsim validate --commands FILE --plan FILE --json`."""
    return {
        "schema": 1,
        "recorded_cycles": result.recorded_cycles,
        "cycles": result.cycles,
        "ops": [
            {
                "name": row.name,
                "kind": row.kind,
                "section": row.section,
                "recorded": _counts(row.recorded),
                "own": _counts(row.own),
            }
            for row in result.ops
        ],
    }


def _counts(counts: dict[str, UnitCount]) -> dict[str, dict[str, int]]:
    return {
        unit: {"commands": count.commands, "cycles": count.cycles} for unit, count in counts.items()
    }


def differences_text(result: PlanComparison, top: int = 20) -> str:
    """Totals, and the ops that differ most.

    Parameters
    ----------
    result : PlanComparison
        From `compare_with_record`.
    top : int
        How many ops to list.
    """
    exact = sum(row.exact for row in result.ops)
    lines = [
        f"recorded   {result.recorded_cycles:,} cycles",
        f"lgsim      {result.cycles:,} cycles ({result.ratio - 1:+.2%})",
        f"ops        {exact:,} of {len(result.ops):,} with the same units, counts and cycles",
    ]
    worst = [row for row in result.ops if not row.exact]
    worst.sort(key=lambda row: -max(abs(b.cycles - a.cycles) for _, a, b in row.units()))
    if worst and top:
        lines += ["", _table(worst[:top], len(worst))]
    return "\n".join(lines)


def _table(rows: Sequence[OpComparison], count: int) -> str:
    """A line per op and unit that differs; the worst unit of each op first."""
    cells = []
    for row in rows:
        title = shorten(row.name, _NAME_WIDTH), row.kind
        for unit, recorded, own in row.units():
            difference = own.cycles - recorded.cycles
            cells.append(
                [
                    *title,
                    unit,
                    f"{recorded.commands:,}",
                    f"{own.commands:,}",
                    f"{recorded.cycles:,}",
                    f"{own.cycles:,}",
                    f"{difference:+,}",
                ]
            )
            title = "", ""
    columns = [
        Column(f"worst {len(rows)} of {count} ops", "left"),
        Column("kind", "left"),
        Column("unit", "left"),
        *map(Column, ("recorded", "lgsim", "recorded cycles", "lgsim cycles", "difference")),
    ]
    return table(columns, cells)
