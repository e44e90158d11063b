"""What pydantic says of a file, as one line that its reader can act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


@dataclass(frozen=True, slots=True)
class Complaint:
    """The first thing that is wrong with a file.

    Attributes
    ----------
    key : str
        Dotted name of what it is about.
    kind : str
        Pydantic's name for it, for example ``missing`` or ``extra_forbidden``.
    what, limit : str
        What is wrong, and what was found instead; as `LgsimError` takes them.
    more : str
        How many further complaints there are; empty if none.
    """

    key: str
    kind: str
    what: str
    limit: str
    more: str


def first_complaint(error: ValidationError) -> Complaint:
    """The first of the complaints of pydantic."""
    details = error.errors(include_url=False)
    first = details[0]
    key = ".".join(str(part) for part in first["loc"])
    more = f"and {len(details) - 1} more" if len(details) > 1 else ""
    return Complaint(key, first["type"], *_words(first["type"], first["msg"], first["input"]), more)


def _words(kind: str, message: str, got: object) -> tuple[str, str]:
    if kind == "extra_forbidden":
        return "unknown key", ""
    if kind == "missing":
        return "is missing", ""
    text = message.removeprefix("Input should be ").removeprefix("Value error, ")
    if text != message and kind != "value_error":
        text = f"must be {text}"
    text = text[:1].lower() + text[1:]
    return text, f"got {got}" if isinstance(got, int | float | str) else ""
