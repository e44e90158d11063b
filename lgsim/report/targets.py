"""What `lgsim targets` shows: the chips, and the numbers of one with their sources."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lgsim.report.tables import Column, table
from lgsim.target.model import Target

_SOURCE_WIDTH = 72


def targets_text(targets: Sequence[Target]) -> str:
    """One line per chip."""
    columns = [Column("target", "left"), Column("timing", "left"), Column("description", "left")]
    rows = [[each.name, ", ".join(sorted(each.timing)), each.description] for each in targets]
    return table(columns, rows)


def targets_json(targets: Sequence[Target]) -> dict[str, Any]:
    """The chips as JSON values."""
    return {"schema": 1, "targets": [target_json(each) for each in targets]}


def target_json(target: Target) -> dict[str, Any]:
    """All numbers of a chip, derived figures and sources included."""
    return target.model_dump(mode="json")


def target_text(target: Target) -> str:
    """Every number of a chip with its source, then what follows from them."""
    rows: list[list[str]] = []
    for key, value in _numbers(target.model_dump(mode="json", exclude={"sources"})):
        source = target.sources.get(key)
        if source is None:
            continue
        first, *rest = textwrap.wrap(source, _SOURCE_WIDTH) or [""]
        rows.append([key, _number(value), first])
        rows.extend(["", "", line] for line in rest)
    derived = [
        ["lmem_total_bytes", f"{target.lmem_total_bytes:,}"],
        ["bank_bytes", f"{target.bank_bytes:,}"],
        *([f"peak_tops {dtype}", f"{tops:.2f}"] for dtype, tops in target.peak_tops.items()),
    ]
    return "\n".join(
        [
            f"{target.name}: {target.description}",
            "",
            table([Column("number", "left"), Column("value"), Column("source", "left")], rows),
            "",
            table([Column("derived", "left"), Column("value")], derived),
        ]
    )


def _numbers(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested sections with their dotted names."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _number(value: object) -> str:
    """A number as people read it: thousands grouped, no digits that say nothing."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
