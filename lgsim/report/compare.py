"""What `lgsim compare` prints: a line per run, and the places where the plans differ."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill
from typing import Any

from lgsim.analysis.comparison import ComparisonData, Stretch
from lgsim.report.result_json import SCHEMA, result_json
from lgsim.report.tables import Column, shorten, table
from lgsim.run_data import RunData

_NAME_WIDTH = 38
_BORDER_WIDTH = 48
_WIDTH = 120


def comparison_text(comparison: ComparisonData, top: int) -> str:
    """Headline, table, and the `top` stretches that differ most.

    Returns
    -------
    str
        Plain text without a final line break.
    """
    first = comparison.runs[0]
    head = [
        f"model      {first.model} ({first.macs / 1e9:,.3f} G MACs)",
        f"chip       {first.target}, {first.precision}, timing profile {first.timing}",
        f"speed-up   against {comparison.labels[0]}, the first",
    ]
    blocks = ["\n".join(head), comparison_table(comparison)]
    if top and len(comparison.runs) > 1:
        blocks.append(_differences(comparison, top))
    return "\n\n".join(blocks)


def comparison_table(comparison: ComparisonData) -> str:
    """One line per run."""
    columns = [
        Column("plan", "left"),
        *map(
            Column,
            (
                "cycles",
                "ms",
                "speed-up",
                "groups",
                "global layers",
                "DDR MB",
                "GDMA busy",
                "BDC busy",
                "overlap",
            ),
        ),
    ]
    base = comparison.runs[0]
    rows = [
        [label, *_cells(run, base)]
        for label, run in zip(comparison.labels, comparison.runs, strict=True)
    ]
    return table(columns, rows)


def _cells(run: RunData, base: RunData) -> list[str]:
    groups = sum(section.kind == "group" for section in run.plan.sections)
    timeline, program = run.timeline, run.program
    return [
        f"{run.cycles:,}",
        f"{run.latency_ms:,.3f}",
        f"{base.cycles / run.cycles:.3f} x" if run.cycles else "-",
        f"{groups:,}",
        f"{len(run.plan.sections) - groups:,}",
        f"{(program.gmem_load_bytes + program.gmem_store_bytes) / 1e6:,.2f}",
        _share(timeline.gdma_busy_cycles, run.cycles),
        _share(timeline.bdc_busy_cycles, run.cycles),
        _share(timeline.overlap_cycles, run.cycles),
    ]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _differences(comparison: ComparisonData, top: int) -> str:
    """The stretches between common borders that are cut differently, the costliest first."""
    stretches = comparison.stretches()
    if not stretches:
        return "All plans cut the network in the same way."
    chosen = sorted(stretches, key=lambda stretch: -stretch.spread_cycles)[:top]
    columns = [
        Column("no."),
        Column(f"{len(chosen)} of {len(stretches)} stretches that differ", "left"),
        Column("ops"),
        *(Column(f"{label} ms (sections)") for label in comparison.labels),
    ]
    rows = [
        [
            f"{number}",
            _span_name(stretch),
            f"{len(stretch.ops):,}",
            *(
                f"{comparison.runs[0].milliseconds(cycles):,.3f} ({sections})"
                for cycles, sections in zip(stretch.cycles, stretch.sections, strict=True)
            ),
        ]
        for number, stretch in enumerate(chosen, 1)
    ]
    head = "Between borders that all plans have in common, where they differ most:\n\n"
    return "\n\n".join([head + table(columns, rows), *_borders(comparison, chosen)])


def _borders(comparison: ComparisonData, chosen: list[Stretch]) -> Iterator[str]:
    """Where plans cut these stretches; not those that do so everywhere or nowhere."""
    width = max(map(len, comparison.labels))
    lines = []
    for number, stretch in enumerate(chosen, 1):
        for label, begins in zip(comparison.labels, stretch.begins, strict=True):
            if 1 < len(begins) < len(stretch.ops):
                names = ", ".join(shorten(name, _BORDER_WIDTH) for name in begins[1:])
                lines.append(
                    fill(
                        names,
                        _WIDTH,
                        initial_indent=f"{number:>3}  {label:<{width}}  ",
                        subsequent_indent=" " * (width + 7),
                        break_long_words=False,
                    )
                )
    if lines:
        yield "\n".join(["Inside these stretches, sections begin at", *lines])


def _span_name(stretch: Stretch) -> str:
    if len(stretch.ops) == 1:
        return shorten(stretch.ops[0], _NAME_WIDTH)
    ends = (shorten(name, _NAME_WIDTH) for name in (stretch.ops[0], stretch.ops[-1]))
    return " .. ".join(ends)


def comparison_json(comparison: ComparisonData) -> dict[str, Any]:
    """The keys of `lgsim compare --json`: a run each as of `lgsim simulate --json`, and more."""
    return {
        "schema": SCHEMA,
        "labels": list(comparison.labels),
        "runs": [result_json(run) for run in comparison.runs],
        "differences": [
            {
                "ops": list(stretch.ops),
                "sections": list(stretch.sections),
                "begins": [list(names) for names in stretch.begins],
                "cycles": list(stretch.cycles),
            }
            for stretch in comparison.stretches()
        ],
    }
