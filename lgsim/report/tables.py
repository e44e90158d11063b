"""Aligned plain-text tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its title, and on which side its cells are aligned."""

    title: str
    align: Literal["left", "right"] = "right"


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], indent: int = 0) -> str:
    """Lay out rows under their titles.

    Parameters
    ----------
    columns : sequence of Column
        Titles and alignment.
    rows : sequence of sequence of str
        One cell per column.
    indent : int
        Spaces before each line.

    Returns
    -------
    str
        Lines without trailing spaces, without a final line break.
    """
    widths = [
        max(len(column.title), *(len(row[i]) for row in rows)) if rows else len(column.title)
        for i, column in enumerate(columns)
    ]
    lines = [
        [column.title for column in columns],
        ["-" * width for width in widths],
        *rows,
    ]
    return "\n".join(
        " " * indent + "  ".join(map(_cell, line, widths, columns)).rstrip() for line in lines
    )


def _cell(text: str, width: int, column: Column) -> str:
    """One padded cell."""
    return text.ljust(width) if column.align == "left" else text.rjust(width)


def counted(number: int, noun: str) -> str:
    """1 group, 2 groups."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shorten(text: str, width: int) -> str:
    """Cut the middle out of a long name, so that its beginning and its end stay readable."""
    if len(text) <= width:
        return text
    tail = (width - 1) * 2 // 3
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"
