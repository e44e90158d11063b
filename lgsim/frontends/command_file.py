"""Reads recorded command files of the vendor's simulator: one JSON object per line."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lgsim.errors import LgsimError
from lgsim.graph.dtypes import DType

_DTYPES = {
    "f32": DType.F32,
    "f16": DType.F16,
    "bf16": DType.BF16,
    "i32": DType.I32,
    "si32": DType.I32,
    "ui32": DType.U32,
    "i16": DType.I16,
    "si16": DType.I16,
    "ui16": DType.U16,
    "i8": DType.I8,
    "si8": DType.I8,
    "ui8": DType.U8,
}
_ATTRIBUTE = re.compile(r"(\w+) = (\[[^\]]*\]|[^,}]+)")
_LMEM_ADDRESS = re.compile(r"%R\d+(?:\.\d+)?(?:\.L(\d+))?")


@dataclass(frozen=True, slots=True)
class RecordedTensor:
    """An operand or result of a command: shape, type, element strides, and where it lives.

    `place` is the recorded text: ``%R<bank>.<offset>.L<lane>`` in local memory (offset and lane
    are left out when 0), ``%G<address>`` in global, ``%S<address>`` in static memory. Matrices
    carry no strides.
    """

    shape: tuple[int, ...]
    dtype: DType
    strides: tuple[int, ...] | None
    place: str

    @property
    def lane(self) -> int:
        """First lane it occupies."""
        match = _LMEM_ADDRESS.fullmatch(self.place)
        return int(match[1] or 0) if match else 0


@dataclass(frozen=True, slots=True)
class RecordedCommand:
    """One command: what it does, on what, how long it took, and what it waited for.

    `wait_id` is the id of the command of the *other* engine that must have ended, 0 for none.
    Constants among the inputs are left out.
    """

    engine: str
    id: int
    layer: str
    op: str
    unit: str
    cycles: int
    inputs: tuple[RecordedTensor, ...]
    outputs: tuple[RecordedTensor, ...]
    attributes: str
    wait_id: int
    direction: str
    nbytes: int

    def ints(self, name: str) -> tuple[int, ...]:
        """An attribute that is a list of integers, for example the kernel."""
        return tuple(int(part) for part in self._attribute(name).strip("[]").split(","))

    def flag(self, name: str) -> bool:
        """A boolean attribute."""
        return self._attribute(name) == "True"

    def _attribute(self, name: str) -> str:
        for key, value in _ATTRIBUTE.findall(self.attributes):
            if key == name:
                return str(value)
        raise KeyError(name)


def read_commands(path: Path) -> list[RecordedCommand]:
    """All commands of a ``.jsonl`` or ``.jsonl.gz`` file, in the order of the file.

    Raises
    ------
    LgsimError
        The file cannot be read, or a line is not a command (the message names the line).
    """
    commands = []
    for number, line in enumerate(_lines(path), start=1):
        try:
            commands.append(_command(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise LgsimError(
                f"not a recorded command: {_reason(error)}", where=f"{path}: line {number}"
            ) from None
    if not commands:
        raise LgsimError("holds no commands", where=str(path))
    return commands


def _lines(path: Path) -> Iterator[str]:
    """Lines of the file, unpacked if need be, without the blank ones."""
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            for line in file:
                if line.strip():
                    yield line
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "damaged or not text"
        raise LgsimError(f"cannot read the commands: {reason}", where=str(path)) from None


def _command(raw: dict[str, Any]) -> RecordedCommand:
    """One command from its JSON object."""
    engine = raw["engine"]
    if engine not in ("gdma", "bdc"):
        raise ValueError(f"engine '{engine}' is neither gdma nor bdc")
    *places, wait = [place.strip() for place in raw["operands"].split(",")]
    if not re.fullmatch(r"%[DB]\d+", wait):
        raise ValueError(f"'{wait}' does not name a command to wait for")
    cycles = int(raw["cycles"])
    if cycles < 0:
        raise ValueError(f"cycles are negative ({cycles})")
    return RecordedCommand(
        engine=engine,
        id=int(raw["id"]),
        layer=str(raw["layer"]),
        op=str(raw["op"]),
        unit=str(raw["unit"]),
        cycles=cycles,
        inputs=_tensors(raw["in"], places),
        outputs=_tensors(raw["out"], raw["results"].split(",")),
        attributes=raw["attr"] or "",
        wait_id=int(wait[2:]),
        direction=str(raw.get("direction", "")),
        nbytes=int(raw.get("bytes", 0)),
    )


def _tensors(entries: list[Any], places: list[str]) -> tuple[RecordedTensor, ...]:
    """Tensors among `entries` with their places; constants and fillers (text) are skipped."""
    return tuple(
        RecordedTensor(
            shape=tuple(entry["shape"]),
            dtype=_DTYPES[entry["dt"]],
            strides=tuple(entry["st"]) if entry["st"] is not None else None,
            place=place.strip(),
        )
        for entry, place in zip(entries, places, strict=False)
        if isinstance(entry, dict)
    )


def _reason(error: Exception) -> str:
    """What was wrong with a line, in a few words."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (column {error.colno})"
    if isinstance(error, KeyError):
        return f"unknown or missing {error.args[0]!r}"
    return str(error)
