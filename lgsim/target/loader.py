"""Reads chip descriptions: TOML in which every number carries its source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lgsim.errors import LgsimError
from lgsim.resources import hardware_dir
from lgsim.target.model import Target, TimingProfile

OVERRIDE_SOURCE = "set by the user"
_NO_OVERRIDES: Mapping[str, str] = {}


def list_targets() -> list[str]:
    """Names of the chips that come with lgsim, sorted."""
    return sorted(path.stem for path in hardware_dir().glob("*.toml"))


def load_target(name_or_path: str, overrides: Mapping[str, str] = _NO_OVERRIDES) -> Target:
    """Read a chip description.

    Parameters
    ----------
    name_or_path : str
        A name from `list_targets`, or the path of a ``.toml`` file.
    overrides : mapping
        New values by dotted name, as text: ``{"gdma.load_gbps": "50"}``.

    Raises
    ------
    LgsimError
        Unknown name, unreadable file, unknown or missing key, a value out of range, a number
        without a source, or a circle of `extends`.
    """
    path = _target_path(name_or_path)
    shown = _shown(path)
    values, sources = _read(path, shown, ())
    for key, text in overrides.items():
        _override(values, sources, key, text)
        sources[key] = OVERRIDE_SOURCE
    try:
        return Target.model_validate({**values, "sources": sources})
    except ValidationError as error:
        raise _one_line(error, shown, sources) from None


def _target_path(name_or_path: str) -> Path:
    """Path of a target given by name or by path."""
    if name_or_path.endswith(".toml") or "/" in name_or_path or "\\" in name_or_path:
        return Path(name_or_path)
    path = hardware_dir() / f"{name_or_path}.toml"
    if not path.is_file():
        raise LgsimError(
            f"unknown target '{name_or_path}'", hint=_suggestion(name_or_path, list_targets())
        )
    return path


def _shown(path: Path) -> str:
    """How messages name a chip file: those that come with lgsim without the way to them."""
    return f"hardware/{path.name}" if path.parent == hardware_dir() else str(path)


def _read(path: Path, shown: str, chain: tuple[Path, ...]) -> tuple[dict[str, Any], dict[str, str]]:
    """Values and sources of the file at `path`, laid over those of the target it extends."""
    if path.resolve() in chain:
        raise LgsimError("extends itself, directly or through others", where=f"{shown}: extends")
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise LgsimError(f"cannot read the chip file: {reason}", where=shown) from None
    except tomllib.TOMLDecodeError as error:
        raise LgsimError(f"not valid TOML: {error}", where=shown) from None
    if "sources" in raw:
        raise LgsimError("each number carries its own source", where=f"{shown}: sources")
    base_values: dict[str, Any] = {}
    base_sources: dict[str, str] = {}
    parent = raw.pop("extends", None)
    if parent is not None:
        if not isinstance(parent, str):
            raise LgsimError("must be the name of a target", where=f"{shown}: extends")
        base = path.parent / f"{parent}.toml"
        if not base.is_file():
            base = _target_path(parent)
        base_values, base_sources = _read(base, _shown(base), (*chain, path.resolve()))
    values, sources = _split(raw, "", shown)
    return _merged(base_values, values), base_sources | sources


def _split(table: dict[str, Any], prefix: str, shown: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Part ``{value, source}`` pairs into values and a map of sources by dotted name."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for key, entry in table.items():
        name = prefix + key
        if isinstance(entry, dict) and "value" in entry:
            source = entry.get("source")
            if set(entry) != {"value", "source"} or not isinstance(source, str) or not source:
                raise LgsimError(
                    "must have a value, a source (text), and nothing else",
                    where=f"{shown}: {name}",
                )
            values[key], sources[name] = entry["value"], source
        elif isinstance(entry, dict):
            values[key], inner = _split(entry, f"{name}.", shown)
            sources |= inner
        elif isinstance(entry, str):
            values[key] = entry
        else:
            raise LgsimError(
                "a number without a source",
                where=f"{shown}: {name}",
                hint=f'write {key} = {{ value = {entry}, source = "…" }}',
            )
    return values, sources


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid over `base`, table by table."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        both_tables = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = _merged(merged[key], value) if both_tables else value
    return merged


def _override(values: dict[str, Any], sources: Mapping[str, str], key: str, text: str) -> None:
    """Put `text` in the place of the number with dotted name `key`."""
    if key not in sources:
        raise LgsimError(f"the target has no number '{key}'", hint=_suggestion(key, list(sources)))
    *tables, last = key.split(".")
    for table in tables:
        values = values[table]
    values[last] = text


def _one_line(error: ValidationError, shown: str, sources: Mapping[str, str]) -> LgsimError:
    """The first complaint of pydantic as one line a user can act on."""
    details = error.errors(include_url=False)
    first = details[0]
    key = ".".join(str(part) for part in first["loc"])
    more = f"and {len(details) - 1} more" if len(details) > 1 else ""
    where = f"--set {key}" if sources.get(key) == OVERRIDE_SOURCE else f"{shown}: {key}"
    if first["type"] == "extra_forbidden":
        section = key.rpartition(".")[0]
        siblings = _keys(section)
        return LgsimError("unknown key", where=where, hint=_suggestion(key, siblings))
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


def _suggestion(word: str, known: list[str]) -> str:
    """`did you mean` with the closest name, else all of them."""
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(sorted(known))}"
