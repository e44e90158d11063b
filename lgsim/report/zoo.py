"""What `lgsim models` shows: the networks of the zoo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lgsim.frontends import ModelEntry
from lgsim.report.tables import Column, table


def models_text(entries: Sequence[ModelEntry]) -> str:
    """One line per network."""
    columns = [
        Column("model", "left"),
        Column("params [M]"),
        Column("MACs [G]"),
        Column("input", "left"),
        Column("what it is", "left"),
    ]
    rows = [
        [
            entry.name,
            f"{entry.params / 1e6:,.3f}",
            f"{entry.macs / 1e9:,.3f}",
            ", ".join(_shape(shape) for shape in entry.inputs.values()),
            entry.summary,
        ]
        for entry in entries
    ]
    return table(columns, rows)


def models_json(entries: Sequence[ModelEntry]) -> dict[str, Any]:
    """The networks as JSON values."""
    return {
        "schema": 1,
        "models": [
            {
                "name": entry.name,
                "summary": entry.summary,
                "params": entry.params,
                "macs": entry.macs,
                "inputs": {name: list(shape) for name, shape in entry.inputs.items()},
            }
            for entry in entries
        ],
    }


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
