"""Reads recorded totals: a CSV of the cycles the vendor's simulator gives whole networks."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from lgsim.errors import LgsimError

_COLUMNS = ("model", "precision", "grouping", "cycles")


@dataclass(frozen=True, slots=True)
class RecordedTotal:
    """Cycles of one network at one precision, with one way of grouping."""

    model: str
    precision: str
    grouping: str
    cycles: int


def read_totals(path: Path) -> list[RecordedTotal]:
    """Rows of a CSV file with the columns model, precision, grouping and cycles.

    Raises
    ------
    LgsimError
        If the file cannot be read, lacks a column, or a row's cycles are no positive number.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LgsimError(f"cannot read the recorded totals: {reason}", where=str(path)) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise LgsimError(f"cannot read the recorded totals: {error}", where=str(path)) from None
    missing = [name for name in _COLUMNS if not rows or name not in rows[0]]
    if missing:
        raise LgsimError(f"there is no column '{missing[0]}'", where=str(path))
    return [_total(row, f"{path}, line {number}") for number, row in enumerate(rows, start=2)]


def _total(row: dict[str, str], where: str) -> RecordedTotal:
    cycles = row["cycles"] or ""
    if not cycles.isdigit() or int(cycles) == 0:
        raise LgsimError(f"'{cycles}' is no number of cycles", where=where)
    return RecordedTotal(row["model"], row["precision"], row["grouping"], int(cycles))
