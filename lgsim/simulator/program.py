"""`Program`: every command of a network in issue order, as columns, with its operands' addresses.

A program is made of blocks. A block is one schedule (see `lgsim.kernels.schedule`) with one
numbering of its local-memory values; it holds one section, or several when neighbouring layer
groups overlap in time. A section is what reports list: a global layer or a layer group.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, Protocol, TypeAlias

import numpy as np

from lgsim.graph.core import Op, TensorType
from lgsim.kernels.alias import Placement
from lgsim.kernels.schedule import GmemBox, Instruction, Schedule, Transfer
from lgsim.simulator.engines import Int8s, Int64s

Command: TypeAlias = Transfer | Instruction
Owners: TypeAlias = tuple[tuple[int, ...], ...]


class Category(IntEnum):
    """What a command is for; reports colour and sum by it."""

    LOAD_ACTIVATION = 0
    LOAD_WEIGHT = 1
    STORE = 2
    MOVE = 3
    FILL = 4
    SHUFFLE = 5
    COMPUTE = 6

    @property
    def label(self) -> str:
        """Name on screen."""
        return self.name.lower().replace("_", " ")

    @property
    def loads(self) -> bool:
        """Whether it reads global memory; a move reads and writes it."""
        return self in (Category.LOAD_ACTIVATION, Category.LOAD_WEIGHT, Category.MOVE)

    @property
    def stores(self) -> bool:
        """Whether it writes global memory."""
        return self in (Category.STORE, Category.MOVE)


class Section(Protocol):
    """What the simulator has to know of a global layer or a layer group; plans bring their own."""

    @property
    def kind(self) -> Literal["global", "group"]:
        """Whether the op runs alone or the ops share local memory."""

    @property
    def name(self) -> str:
        """Name on screen."""

    @property
    def ops(self) -> tuple[str, ...]:
        """Names of the ops, in the order they are computed."""

    @property
    def type(self) -> str:
        """Group type (NORMAL, 3D, SMALL_C, MM); empty for a global layer."""

    @property
    def secs(self) -> tuple[int, int, int, int, int]:
        """Slices along n, c, d, h and w."""

    @property
    def reason(self) -> str:
        """Why the section is what it is, in words; may be empty."""


@dataclass(frozen=True, slots=True)
class Block:
    """One schedule and the sections it runs.

    Parameters
    ----------
    sections : tuple of Section
        Usually one; several when their commands are interleaved.
    schedule : Schedule
        Steps of transfers and instructions.
    owners : tuple of tuple of int
        Per step, the op of each transfer and then of each instruction, counted over the ops of
        all sections; empty when all commands belong to the first op (a global layer).
    """

    sections: tuple[Section, ...]
    schedule: Schedule
    owners: Owners = ()


@dataclass(frozen=True, slots=True)
class Spans:
    """What commands touch in local memory: in issue order, of a command its reads first.

    Attributes
    ----------
    command, buffer : arrays of int64, shape (spans,)
        Which command, and which value of its section.
    address, end_address : arrays of int64, shape (spans,)
        First byte of a lane, and the one after the last.
    reading : array of int64, shape (spans,)
        1 where the command reads, 0 where it writes.
    """

    command: Int64s
    buffer: Int64s
    address: Int64s
    end_address: Int64s
    reading: Int64s


@dataclass(frozen=True, slots=True)
class Program:
    """Commands in issue order; every array has one entry per command.

    Attributes
    ----------
    name : str
        Name of the network.
    sections : tuple of Section
        What `section` counts.
    ops : tuple of Op
        What `op` counts.
    engine, category : arrays of int8
        `engines.GDMA` or `engines.BDC`; a `Category`.
    cycles, wait : arrays of int64
        Cycles taken; index of the command of the other engine that must have ended, or −1.
    op, section : arrays of int64
        Owner of each command; the section is the scope of its buffer numbers.
    nbytes : array of int64
        Bytes a transfer moves; 0 for instructions.
    spans : Spans
        What the commands touch in local memory.
    records : tuple of Transfer or Instruction
        The commands themselves; equal ops share them.
    addresses : dict
        Global-memory address of every tensor, in bytes.
    placements : dict
        Tensor in whose memory each tensor lies, itself or one it is a view of, and where in it.
    workspaces : dict
        Intermediate tensors that single ops keep in global memory, and their types.
    """

    name: str
    sections: tuple[Section, ...]
    ops: tuple[Op, ...]
    engine: Int8s
    category: Int8s
    cycles: Int64s
    wait: Int64s
    op: Int64s
    section: Int64s
    nbytes: Int64s
    spans: Spans
    records: tuple[Command, ...]
    addresses: dict[str, int]
    placements: dict[str, Placement]
    workspaces: dict[str, TensorType]

    @property
    def size(self) -> int:
        """Number of commands."""
        return len(self.records)

    def tensor_of(self, command: int, box: GmemBox) -> str:
        """Name of the tensor that `box` of this command is a part of."""
        op = self.ops[int(self.op[command])]
        if box.operand < 0:
            return op.outputs[~box.operand]
        if box.operand < len(op.inputs):
            return op.inputs[box.operand]
        return workspace_name(op, box.operand)

    def command_name(self, command: int) -> str:
        """What the command does, in a word or two."""
        record = self.records[command]
        if isinstance(record, Instruction):
            return record.name
        return Category(int(self.category[command])).label

    @property
    def gmem_load_bytes(self) -> int:
        """Bytes read from global memory."""
        return sum(moved for kind, moved in self.bytes_by_category().items() if kind.loads)

    @property
    def gmem_store_bytes(self) -> int:
        """Bytes written to global memory."""
        return sum(moved for kind, moved in self.bytes_by_category().items() if kind.stores)

    def bytes_by_category(self) -> dict[Category, int]:
        """Bytes moved per category (compute moves none)."""
        sums = sums_by_key(self.category, self.nbytes, len(Category))
        return {kind: int(sums[kind]) for kind in Category}

    def section_lmem_bytes(self) -> Int64s:
        """Bytes of a lane each section reaches up to, shape (sections,)."""
        peaks = np.zeros(len(self.sections), dtype=np.int64)
        np.maximum.at(peaks, self.section[self.spans.command], self.spans.end_address)
        return peaks


def workspace_name(op: Op, operand: int) -> str:
    """Name of an intermediate tensor of an op: an operand index beyond its inputs."""
    return f"{op.name}#workspace{operand - len(op.inputs)}"


def sums_by_key(keys: Int8s | Int64s, values: Int64s, count: int) -> Int64s:
    """Exact integer sums of `values` per key (bincount would go through floats)."""
    sums = np.zeros(count, dtype=np.int64)
    np.add.at(sums, keys, values)
    return sums
