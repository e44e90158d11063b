"""What `lgsim models` shows: the networks of the zoo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lgsim.frontends import ModelEntry
from lgsim.report.tables import Column, table


def models_text(entries: Sequence[ModelEntry]) -> str:
    """One line per network; what a family is stands beside its first one."""
    columns = [
        Column("model", "left"),
        Column("params [M]"),
        Column("trained [M]"),
        Column("MACs [G]"),
        Column("input", "left"),
        Column("what it is", "left"),
    ]
    rows = [
        [
            entry.name,
            f"{entry.params / 1e6:,.3f}",
            f"{entry.trained_params / 1e6:,.3f}",
            f"{entry.macs / 1e9:,.3f}",
            ", ".join(_shape(shape) for shape in entry.inputs.values()),
            "" if before is not None and entry.summary == before.summary else entry.summary,
        ]
        for before, entry in zip([None, *entries], entries, strict=False)
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
                "trained_params": entry.trained_params,
                "macs": entry.macs,
                "inputs": {name: list(shape) for name, shape in entry.inputs.items()},
            }
            for entry in entries
        ],
    }


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
