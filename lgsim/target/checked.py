"""Holds the values of a chip file against the model of a target, and words what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from lgsim.complaints import first_complaint
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
    """The first complaint; for an unknown key with the known one that is like it."""
    first = first_complaint(error)
    key = first.key
    where = f"--set {key}" if sources.get(key) == OVERRIDE_SOURCE else f"{shown}: {key}"
    unknown = first.kind == "extra_forbidden"
    hint = suggestion(key, _keys(key.rpartition(".")[0])) if unknown else first.more
    return LgsimError(first.what, where=where, limit=first.limit, hint=hint)


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
