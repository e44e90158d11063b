"""How well the timing laws agree with recorded commands: text, JSON, and a chapter of Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lgsim.report.tables import Column, table
from lgsim.simulator.replay import TOLERANCE_CYCLES, TOLERANCE_RATIO, LawRow, ReplayResult

# What the laws leave unexplained, by unit; printed where a unit misses.
_WHAT_MISSES = {
    "AR": (
        "The doubling for a second operand with stride 0 along n (`repeat_second`) is a rule of "
        "observation: it holds on 4,208 commands and fails on 265, most of them subtractions of a "
        "row maximum or mean in Softmax, LayerNorm and Attention layers that run alone. 103 "
        "in-place int32 additions of partial sums (fully connected layers, INT8) take four passes "
        "where the law says two. 596 constant fills of padded rows in Softmax take twice the "
        "steps. The encoding that would tell these apart is not part of the records."
    ),
    "GDMA_MATRIX": (
        "The columns a lane holds are not recorded; their padded stride is used instead. Where the "
        "two differ (single-row casts of class scores), pieces are shorter and dearer than that."
    ),
    "GDMA_TENSOR": (
        "One DDR-to-DDR permutation takes 4/3 of the law. One average pooling is filed "
        "under this unit with 0 cycles, a slip of the recording."
    ),
}


def merged_rows(results: Sequence[ReplayResult]) -> list[LawRow]:
    """Rows of all files added up by unit and element type, sorted."""
    merged: dict[tuple[str, str], list[LawRow]] = {}
    for result in results:
        for row in result.rows:
            merged.setdefault((row.unit, row.dtype), []).append(row)
    return [_add_up(rows) for _, rows in sorted(merged.items())]


def _add_up(rows: Sequence[LawRow]) -> LawRow:
    """One row for several of the same unit and type."""
    worst = max(rows, key=lambda row: row.worst_error_cycles)
    return LawRow(
        unit=worst.unit,
        dtype=worst.dtype,
        commands=sum(row.commands for row in rows),
        exact=sum(row.exact for row in rows),
        within=sum(row.within for row in rows),
        recorded_cycles=sum(row.recorded_cycles for row in rows),
        law_cycles=sum(row.law_cycles for row in rows),
        worst=worst.worst,
        worst_error_cycles=worst.worst_error_cycles,
    )


def laws_json(results: Sequence[ReplayResult]) -> dict[str, Any]:
    """Everything the tables show, for scripts."""
    return {
        "schema": 1,
        "tolerance_cycles": TOLERANCE_CYCLES,
        "tolerance_ratio": TOLERANCE_RATIO,
        "commands": sum(result.commands for result in results),
        "exact": sum(result.exact for result in results),
        "within": sum(result.within for result in results),
        "files": [
            {
                "name": result.name,
                "commands": result.commands,
                "exact": result.exact,
                "within": result.within,
                "recorded_cycles": result.recorded_total_cycles,
                "law_cycles": result.law_total_cycles,
            }
            for result in results
        ],
        "rows": [
            {
                "unit": row.unit,
                "dtype": row.dtype,
                "commands": row.commands,
                "exact": row.exact,
                "within": row.within,
                "recorded_cycles": row.recorded_cycles,
                "law_cycles": row.law_cycles,
                "worst": row.worst,
            }
            for row in merged_rows(results)
        ],
    }


def laws_text(results: Sequence[ReplayResult]) -> str:
    """Both tables for the terminal, and a line that sums them up."""
    files = table([Column("file", "left"), *map(Column, _FILE_TITLES)], _file_cells(results))
    columns = [Column("unit", "left"), Column("type", "left"), *map(Column, _ROW_TITLES)]
    columns.append(Column("worst", "left"))
    units = table(columns, _row_cells(merged_rows(results)))
    return f"{files}\n\n{units}\n\n{_summary(results)}"


def laws_chapter(results: Sequence[ReplayResult]) -> str:
    """The chapter on the laws in docs/accuracy.md, as Markdown."""
    rows = merged_rows(results)
    missing = [row.unit for row in rows if row.within < row.commands]
    notes = [f"- **{unit}.** {text}" for unit, text in _WHAT_MISSES.items() if unit in missing]
    parts = [
        "## Timing laws (profile `cmodel`) against recorded commands",
        "The vendor's cycle simulator (tpu-mlir 1.30.2, BM1684X, 1 GHz) records every command it "
        "runs, with its cycles. Each is priced again with the laws of `lgsim/target/timing/`, and "
        "each program is run twice through lgsim's two in-order engines: with the recorded cycles "
        "and with those of the laws. A law *holds* on a command if it is off by no more than "
        f"{TOLERANCE_RATIO:.0%} or {TOLERANCE_CYCLES} cycles, whichever is more. The laws were "
        "derived from these same records; they are rules for all commands of a unit, with no case "
        "by case entries.",
        _summary(results),
        "Made by `lgsim validate --commands FOLDER --markdown`.",
        "### By unit and element type",
        "The type is that of the first operand. *Worst* is the command with the largest "
        "difference: the cycles of the law *for* the recorded ones.",
        _markdown(["unit", "type", *_ROW_TITLES, "worst"], _row_cells(rows), left=(0, 1, 7)),
        "### What misses" if notes else "Nothing misses.",
        "\n".join(notes),
        "### Totals by program",
        "The recorded totals equal those of the simulator, which shows the engines to be exact: "
        "the exception is `efficientvit_m0_int8`, 48 cycles less than the simulator's own total, "
        "which comes from another run of the vendor's compiler than the commands.",
        _markdown(["program", *_FILE_TITLES], _file_cells(results), left=(0,)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


_FILE_TITLES = ("commands", "exact", "hold", "recorded cycles", "cycles by the laws", "error")
_ROW_TITLES = ("commands", "exact", "hold", "recorded cycles", "cycles by the laws")


def _file_cells(results: Sequence[ReplayResult]) -> list[list[str]]:
    """Cells of the table of files."""
    return [
        [
            result.name,
            f"{result.commands:,}",
            _percent(result.exact, result.commands),
            _percent(result.within, result.commands),
            f"{result.recorded_total_cycles:,}",
            f"{result.law_total_cycles:,}",
            f"{result.total_error:+.3%}",
        ]
        for result in results
    ]


def _row_cells(rows: Sequence[LawRow]) -> list[list[str]]:
    """Cells of the table of units."""
    return [
        [
            row.unit,
            row.dtype,
            f"{row.commands:,}",
            _percent(row.exact, row.commands),
            _percent(row.within, row.commands),
            f"{row.recorded_cycles:,}",
            f"{row.law_cycles:,}",
            row.worst or "–",
        ]
        for row in rows
    ]


def _percent(part: int, whole: int) -> str:
    """A share in percent; 100 only if nothing is missing."""
    if part == whole:
        return "100 %"
    return f"{min(part / whole * 100, 99.99):.2f} %"


def _summary(results: Sequence[ReplayResult]) -> str:
    """One sentence on all files."""
    commands = sum(result.commands for result in results)
    within = sum(result.within for result in results)
    exact = sum(result.exact for result in results)
    worst = max(results, key=lambda result: abs(result.total_error))
    return (
        f"{commands:,} commands of {len(results)} program{'s' * (len(results) != 1)}: the laws are "
        f"exact on {_percent(exact, commands)} and hold on {_percent(within, commands)}; the total "
        f"of the worst program ({worst.name}) is off by {worst.total_error:+.3%}."
    )


def _markdown(titles: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """A Markdown table; columns in `left` are aligned left, the others right."""
    rule = [":--" if i in left else "--:" for i in range(len(titles))]
    lines = [list(titles), rule, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
