"""Estimates of whole networks beside recorded totals: text, JSON, and a chapter of Markdown."""

from __future__ import annotations

from typing import Any

from lgsim.analysis.validation import Graphs, TotalRow, median_abs_error
from lgsim.planner.given import NAME as GIVEN
from lgsim.report.tables import Column, table

CLOSE = 0.03
"""A group is priced well if it is off by no more than this share of its span."""


def totals_json(rows: list[TotalRow]) -> dict[str, Any]:
    """The keys of `lgsim validate --json` for whole networks."""
    return {
        "schema": 1,
        "rows": [
            {
                "model": row.model,
                "precision": row.precision,
                "reference": row.reference_cycles,
                "estimate": None if row.failure else row.estimate_cycles,
                "ratio": None if row.failure else row.ratio,
            }
            | ({"groups": [list(pair) for pair in row.groups]} if row.groups else {})
            for row in rows
        ],
        "median_abs_error": median_abs_error(rows),
    }


def totals_text(rows: list[TotalRow]) -> str:
    """A line per network, and what they come to."""
    columns = [
        Column("network", "left"),
        Column("precision", "left"),
        Column("recorded cycles"),
        Column("lgsim cycles"),
        Column("error"),
    ]
    return f"{table(columns, _cells(rows))}\n\n{_verdict(rows)}"


def totals_chapter(
    rows: list[TotalRow], strategy: str, graphs: Graphs = "onnx", vendor_steps: bool = False
) -> str:
    """The chapter of docs/accuracy.md on whole networks."""
    lines = [
        f"## Whole networks, {_title(strategy, graphs, vendor_steps)} (profile `cmodel`)",
        "",
        f"{_origin(strategy, graphs)}; the recorded cycles are those of the vendor's compiler and "
        "simulator for the same network with the same way of grouping.",
        "",
        _verdict(rows),
        "",
        "| network | precision | recorded cycles | lgsim cycles | error |",
        "| :-- | :-- | --: | --: | --: |",
        *(f"| {' | '.join(cells)} |" for cells in _cells(rows)),
    ]
    return "\n".join(lines)


def _title(strategy: str, graphs: Graphs, vendor_steps: bool) -> str:
    if strategy == GIVEN:
        whose = "the vendor's" if vendor_steps else "lgsim's"
        return f"the vendor's groups on the vendor's graphs, {whose} time steps and addresses"
    return f"strategy `{strategy}`" + (" on the vendor's graphs" if graphs == "ir" else "")


def _origin(strategy: str, graphs: Graphs) -> str:
    if strategy == GIVEN:
        return "Network and groups are read from the vendor's files, and scheduled by lgsim"
    if graphs == "ir":
        return "Networks are read as the vendor lowered them, and planned by lgsim alone"
    return "Networks are read from ONNX files, rewritten, lowered and scheduled by lgsim alone"


def _cells(rows: list[TotalRow]) -> list[list[str]]:
    return [
        [
            row.model,
            row.precision,
            f"{row.reference_cycles:,}",
            "does not fit" if row.failure else f"{row.estimate_cycles:,}",
            "" if row.failure else f"{row.ratio - 1:+.1%}",
        ]
        for row in rows
    ]


def _verdict(rows: list[TotalRow]) -> str:
    """Median and worst error: of the precisions the chip is made for, and of all."""
    failures = [f"{row.model} {row.precision}" for row in rows if row.failure]
    rows = [row for row in rows if not row.failure]
    narrow = [row for row in rows if row.precision in ("f16", "int8")]
    parts = [
        f"{name}: median error {median_abs_error(some):.1%}, worst {_worst(some)}"
        for name, some in (("f16 and int8", narrow), ("all precisions", rows))
        if some
    ]
    spans = [own / recorded - 1 for row in rows for recorded, own in row.groups]
    if spans:
        close = sum(abs(error) <= CLOSE for error in spans)
        parts.append(f"{close} of {len(spans)} groups within {CLOSE:.0%} of their recorded span")
    if failures:
        parts.append(f"does not fit: {', '.join(failures)}")
    return "; ".join(parts) + "."


def _worst(rows: list[TotalRow]) -> str:
    worst = max(rows, key=lambda row: abs(row.ratio - 1))
    return f"{worst.ratio - 1:+.1%} ({worst.model} {worst.precision})"
