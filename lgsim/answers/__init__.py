"""Results, with the ways to look at them: one module each, so that each is loaded when asked for.

`Run`, `Comparison`, `Ablation` and `Explanation` are plain values of `run_data` or `analysis` with
their reports as methods. Reports read the plain values, and whatever makes a value knows of no
report.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def values_of(data: DataclassInstance) -> dict[str, Any]:
    """The fields of a plain value, by name."""
    return {field.name: getattr(data, field.name) for field in fields(data)}
