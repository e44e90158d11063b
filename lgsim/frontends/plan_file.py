"""Reads plan files: how a network is cut into groups, and what it takes to schedule it so again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from lgsim.complaints import first_complaint
from lgsim.errors import LgsimError

SCHEMA = 1

_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)


class PlannedSecs(BaseModel):
    """Slices per axis."""

    model_config = _STRICT

    n: PositiveInt = 1
    c: PositiveInt = 1
    d: PositiveInt = 1
    h: PositiveInt = 1
    w: PositiveInt = 1


class PlannedSection(BaseModel):
    """A layer group or a global layer; cycles and bytes are notes of whoever wrote the file."""

    model_config = _STRICT

    kind: Literal["group", "global"]
    ops: list[str] = Field(min_length=1)
    type: Literal["NORMAL", "3D", "SMALL_C", "MM"] | None = None
    secs: PlannedSecs = PlannedSecs()
    cycles: int = 0
    lmem_peak_bytes: int = 0
    reason: str = ""


class PlannedNetwork(BaseModel):
    """Which network was planned; `source` is what the command line was given."""

    model_config = _STRICT

    name: str
    source: str | None
    batch: PositiveInt | None = None
    shapes: dict[str, list[int]] = {}
    args: dict[str, str | int | float | bool] = {}
    fingerprint: str


class PlannedSettings(BaseModel):
    """For which chip, and how, it was planned."""

    model_config = _STRICT

    target: str
    precision: Literal["f32", "f16", "bf16", "int8"]
    io_dtype: Literal["f32", "f16", "int8"]
    timing: str
    disable: list[str] = []
    enable: list[str] = []
    overrides: dict[str, str] = {}


class PlanFile(BaseModel):
    """A whole plan file."""

    model_config = _STRICT

    format: Literal["lgsim plan"]
    schema_: Literal[1] = Field(alias="schema")
    network: PlannedNetwork
    settings: PlannedSettings
    strategy: str
    cycles: int
    sections: list[PlannedSection]


def is_plan_file(document: Mapping[str, Any]) -> bool:
    """Whether a JSON document looks like a plan of lgsim."""
    return document.get("format") == "lgsim plan"


def plan_file(document: Mapping[str, Any], where: str) -> PlanFile:
    """Take a plan from its JSON document.

    Parameters
    ----------
    document : mapping
        As parsed.
    where : str
        The file, for messages.

    Raises
    ------
    LgsimError
        With the first key that is missing, unknown or of a wrong kind.
    """
    if document.get("schema") != SCHEMA:
        raise LgsimError(
            f"is a plan of schema {document.get('schema')!r}", where=where, limit=f"read: {SCHEMA}"
        )
    try:
        return PlanFile.model_validate(document)
    except ValidationError as error:
        first = first_complaint(error)
        raise LgsimError(
            first.what, where=f"{where}: {first.key}", limit=first.limit, hint=first.more
        ) from None
