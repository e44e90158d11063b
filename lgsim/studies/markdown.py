"""Rows of experiments as a table in Markdown, for the page of claims and for notebooks."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.studies.experiment import Row


def markdown_table(rows: Sequence[Row]) -> str:
    """Rows as a table; remarks stand below what was measured."""
    lines = [
        "| # | type | claim | source | measured | expected | verdict |",
        "| --: | :-- | :-- | :-- | :-- | :-- | :-- |",
    ]
    for row in rows:
        found = row.experiment
        measured = row.measured + (f"<br>*{row.remark}*" if row.remark else "")
        cells = (
            str(found.number),
            found.kind,
            found.claim,
            found.source,
            measured,
            row.expected,
            f"**{row.verdict}**",
        )
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines)
