"""Estimates of whole networks beside recorded totals: text, JSON, and a chapter of Markdown."""

from __future__ import annotations

from typing import Any

from lgsim.report.tables import Column, table
from lgsim.validation import TotalRow, median_abs_error


def totals_json(rows: list[TotalRow]) -> dict[str, Any]:
    """The keys of `lgsim validate --json` for whole networks."""
    return {
        "schema": 1,
        "rows": [
            {
                "model": row.model,
                "precision": row.precision,
                "reference": row.reference_cycles,
                "estimate": row.estimate_cycles,
                "ratio": row.ratio,
            }
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


def totals_chapter(rows: list[TotalRow], strategy: str) -> str:
    """The chapter of docs/accuracy.md on whole networks."""
    lines = [
        f"## Whole networks, strategy `{strategy}` (profile `cmodel`)",
        "",
        "Each network is read from its ONNX file, rewritten, lowered and scheduled by lgsim alone; "
        "the recorded cycles are those of the vendor's compiler and simulator for the same network "
        "with the same way of grouping.",
        "",
        _verdict(rows),
        "",
        "| network | precision | recorded cycles | lgsim cycles | error |",
        "| :-- | :-- | --: | --: | --: |",
        *(f"| {' | '.join(cells)} |" for cells in _cells(rows)),
    ]
    return "\n".join(lines)


def _cells(rows: list[TotalRow]) -> list[list[str]]:
    return [
        [
            row.model,
            row.precision,
            f"{row.reference_cycles:,}",
            f"{row.estimate_cycles:,}",
            f"{row.ratio - 1:+.1%}",
        ]
        for row in rows
    ]


def _verdict(rows: list[TotalRow]) -> str:
    """Median and worst error: of the precisions the chip is made for, and of all."""
    narrow = [row for row in rows if row.precision in ("f16", "int8")]
    parts = [
        f"{name}: median error {median_abs_error(some):.1%}, worst {_worst(some)}"
        for name, some in (("f16 and int8", narrow), ("all precisions", rows))
        if some
    ]
    return "; ".join(parts) + "."


def _worst(rows: list[TotalRow]) -> str:
    worst = max(rows, key=lambda row: abs(row.ratio - 1))
    return f"{worst.ratio - 1:+.1%} ({worst.model} {worst.precision})"
