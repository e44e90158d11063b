"""Reads chip descriptions: TOML in which every number carries its source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from lgsim.errors import LgsimError
from lgsim.resources import hardware_dir
from lgsim.target.chip import Chip

if TYPE_CHECKING:
    from lgsim.target.model import Target

OVERRIDE_SOURCE = "set by the user"
_NO_OVERRIDES: Mapping[str, str] = {}

KNOWN_RIGHT = {"bm1684x": 0x665DC4F2}
"""CRC-32 of the chip files that come with lgsim. To load what checks a chip file takes longer than
to read a network; these files need no check unless someone has edited them."""


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
    from lgsim.target.checked import checked_target

    return checked_target(values, sources, shown)


def load_chip(name_or_path: str, timing: str, overrides: Mapping[str, str] = _NO_OVERRIDES) -> Chip:
    """The flat numbers of a chip description with one timing profile.

    Parameters and errors are those of `load_target` and `Target.chip`.
    """
    path = _target_path(name_or_path)
    if not overrides and name_or_path in KNOWN_RIGHT and _crc(path) == KNOWN_RIGHT[name_or_path]:
        values, _ = _read(path, _shown(path), ())
        return Chip.of(values, timing)
    return load_target(name_or_path, overrides).chip(timing)


def _crc(path: Path) -> int:
    return crc32(path.read_bytes())


def _target_path(name_or_path: str) -> Path:
    """Path of a target given by name or by path."""
    if name_or_path.endswith(".toml") or "/" in name_or_path or "\\" in name_or_path:
        return Path(name_or_path)
    path = hardware_dir() / f"{name_or_path}.toml"
    if not path.is_file():
        raise LgsimError(
            f"unknown target '{name_or_path}'", hint=suggestion(name_or_path, list_targets())
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
        raise LgsimError(f"the target has no number '{key}'", hint=suggestion(key, list(sources)))
    *tables, last = key.split(".")
    for table in tables:
        values = values[table]
    values[last] = text


def suggestion(word: str, known: list[str]) -> str:
    """`did you mean` with the closest name, else all of them."""
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(sorted(known))}"
