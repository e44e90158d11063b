"""Holds the values of a chip file against the model of a target, and words what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from lgsim.errors import LgsimError
from lgsim.target.loader import OVERRIDE_SOURCE, suggestion
from lgsim.target.model import Target, TimingProfile


def checked_target(values: dict[str, Any], sources: dict[str, str], shown: str) -> Target:
    """The target that a chip file describes.

    Parameters
    ----------
    values : dict
        Sections, and their numbers by name.
    sources : dict
        Source of each number by dotted name.
    shown : str
        What messages call the file.

    Raises
    ------
    LgsimError
        Unknown or missing key, or a value out of range.
    """
    try:
        return Target.model_validate({**values, "sources": sources})
    except ValidationError as error:
        raise _complaint(error, shown, sources) from None


def _complaint(error: ValidationError, shown: str, sources: Mapping[str, str]) -> LgsimError:
    """The first complaint of pydantic as one line a user can act on."""
    details = error.errors(include_url=False)
    first = details[0]
    key = ".".join(str(part) for part in first["loc"])
    more = f"and {len(details) - 1} more" if len(details) > 1 else ""
    where = f"--set {key}" if sources.get(key) == OVERRIDE_SOURCE else f"{shown}: {key}"
    if first["type"] == "extra_forbidden":
        section = key.rpartition(".")[0]
        siblings = _keys(section)
        return LgsimError("unknown key", where=where, hint=suggestion(key, siblings))
    if first["type"] == "missing":
        return LgsimError("is missing", where=where, hint=more)
    message = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    if message != first["msg"] and first["type"] != "value_error":
        message = f"must be {message}"
    got = first["input"]
    limit = f"got {got}" if isinstance(got, int | float | str) else ""
    return LgsimError(message, where=where, limit=limit, hint=more)


def _keys(section: str) -> list[str]:
    """Dotted names a chip file may have in `section` (the empty string for the top level)."""
    model: type[BaseModel] = Target
    for part in section.split(".") if section else ():
        field = model.model_fields.get(part)
        inner = field.annotation if field is not None else TimingProfile  # a profile's own name
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    prefix = f"{section}." if section else ""
    return [prefix + key for key in model.model_fields]
