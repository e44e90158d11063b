"""From schedules to a `Program`: waits between the engines, owners, and global addresses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from lgsim.graph.core import Graph, Op, TensorType
from lgsim.kernels.alias import Placement
from lgsim.kernels.schedule import Direction, Transfer
from lgsim.simulator.boxes import box_extent
from lgsim.simulator.engines import BDC, GDMA, Int8s, Int64s
from lgsim.simulator.placing import place_tensors, tensor_addresses
from lgsim.simulator.program import (
    Block,
    Category,
    Command,
    Program,
    Section,
    Spans,
    workspace_name,
)

# A global tensor starts at a multiple of this (ALIGNMENT of the vendor's toolchain, 0x1000).
GMEM_ALIGN_BYTES = 4096

_CATEGORY = {
    Direction.LOAD: Category.LOAD_ACTIVATION,
    Direction.STORE: Category.STORE,
    Direction.MOVE: Category.MOVE,
    Direction.FILL: Category.FILL,
    Direction.SHUFFLE: Category.SHUFFLE,
}


@dataclass(frozen=True, slots=True)
class _Columns:
    """Columns of one schedule: `wait` and `op` count from its first command and op.

    `spans` are the fields of `Spans`, commands counted from the first of the schedule, shape
    (5, spans). `workspaces` are the elements of intermediate tensors, by op and operand index.
    """

    engine: Int8s
    category: Int8s
    cycles: Int64s
    wait: Int64s
    op: Int64s
    nbytes: Int64s
    spans: Int64s
    records: tuple[Command, ...]
    workspaces: dict[tuple[int, int], int]


def build_program(
    graph: Graph, blocks: Sequence[Block], gmem_align_bytes: int = GMEM_ALIGN_BYTES
) -> Program:
    """Lay the schedules of all blocks one after the other.

    A command waits for the last command that the other engine was given in an earlier step; the
    border between two blocks is also a border between steps. The result of a global layer without
    commands is a view of its operand, or its operands were written in place (see `placing`); an op
    of a group may have none because it works on local memory only.

    Parameters
    ----------
    graph : Graph
        The typed graph; names the tensors the ops read and write.
    blocks : sequence of Block
        In the order they run.
    gmem_align_bytes : int
        Global tensors start at multiples of this.

    Returns
    -------
    Program
    """
    op_names = [name for block in blocks for section in block.sections for name in section.ops]
    ops = tuple(graph.op(name) for name in op_names)
    weights = {tensor.name for tensor in graph.tensors if tensor.weight}
    cache: dict[tuple[int, int, tuple[tuple[bool, ...], ...]], _Columns] = {}
    parts: list[_Columns] = []
    waits: list[Int64s] = []
    bases: list[tuple[int, int]] = []
    last, first_op, count = [-1, -1], 0, 0
    for block in blocks:
        block_ops = ops[first_op : first_op + sum(len(s.ops) for s in block.sections)]
        constant = tuple(tuple(name in weights for name in op.inputs) for op in block_ops)
        key = (id(block.schedule), id(block.owners), constant)
        part = cache.get(key)
        if part is None:
            part = cache[key] = _columns(block, constant)
        parts.append(part)
        bases.append((first_op, len(part.records)))
        earlier = np.where(part.engine == GDMA, last[BDC], last[GDMA])
        waits.append(np.where(part.wait >= 0, part.wait + count, earlier))
        for unit in (GDMA, BDC):
            issued = np.flatnonzero(part.engine == unit)
            if len(issued):
                last[unit] = count + int(issued[-1])
        first_op += len(block_ops)
        count += len(part.records)
    return _assemble(graph, blocks, ops, parts, waits, bases, gmem_align_bytes)


def _assemble(
    graph: Graph,
    blocks: Sequence[Block],
    ops: tuple[Op, ...],
    parts: list[_Columns],
    waits: list[Int64s],
    bases: list[tuple[int, int]],
    gmem_align_bytes: int,
) -> Program:
    """Join the columns of all blocks and place the tensors."""
    sections = tuple(section for block in blocks for section in block.sections)
    lengths = np.array([length for _, length in bases], dtype=np.int64)
    touched = np.repeat(np.cumsum(lengths) - lengths, [part.spans.shape[1] for part in parts])
    command, *spans = np.concatenate([np.zeros((5, 0), np.int64), *(p.spans for p in parts)], 1)
    shift = np.repeat(np.array([first for first, _ in bases], dtype=np.int64), lengths)
    op = _join(part.op for part in parts) + shift
    alone = [section.kind == "global" for section in sections for _ in section.ops]
    section_of_op = np.repeat(np.arange(len(sections)), [len(section.ops) for section in sections])
    owners = set(op.tolist())
    workspaces = _workspaces(graph, ops, parts, bases)
    free = [item for number, item in enumerate(ops) if alone[number] and number not in owners]
    placements = place_tensors(graph, free)
    placements |= {name: Placement(name) for name in workspaces}
    return Program(
        name=graph.name,
        sections=sections,
        ops=ops,
        engine=_join(part.engine for part in parts).astype(np.int8),
        category=_join(part.category for part in parts).astype(np.int8),
        cycles=_join(part.cycles for part in parts),
        wait=_join(waits),
        op=op,
        section=section_of_op[op].astype(np.int64),
        nbytes=_join(part.nbytes for part in parts),
        spans=Spans(command + touched, *spans),
        records=tuple(record for part in parts for record in part.records),
        placements=placements,
        addresses=tensor_addresses(
            graph, placements, workspaces, _local_tensors(graph, sections), gmem_align_bytes
        ),
        workspaces=workspaces,
    )


def _local_tensors(graph: Graph, sections: Iterable[Section]) -> set[str]:
    """Results that the ops of one group make and read among themselves."""
    found: set[str] = set()
    outputs = set(graph.outputs)
    for section in sections:
        inside = set(section.ops) if section.kind == "group" else set()
        for op in map(graph.op, inside):
            for name in op.outputs:
                if name not in outputs and all(
                    user.name in inside for user in graph.consumers(name)
                ):
                    found.add(name)
    return found


def _columns(block: Block, constant: tuple[tuple[bool, ...], ...]) -> _Columns:
    """Columns of one block; `constant` tells per op which of its inputs are weights."""
    engine: list[int] = []
    category: list[int] = []
    wait: list[int] = []
    op: list[int] = []
    records: list[Command] = []
    workspaces: dict[tuple[int, int], int] = {}
    last = [-1, -1]
    for number, step in enumerate(block.schedule):
        before = tuple(last)
        issued = len(step.transfers) + len(step.instructions)
        owners = block.owners[number] if block.owners else (0,) * issued
        op.extend(owners)
        for transfer, owner in zip(step.transfers, owners, strict=False):
            category.append(_category(transfer, constant[owner]))
            for box in (transfer.source, transfer.destination):
                if box is not None and box.operand >= len(constant[owner]):
                    key = owner, box.operand
                    workspaces[key] = max(workspaces.get(key, 0), box_extent(box)[1])
        engine.extend([GDMA] * len(step.transfers) + [BDC] * len(step.instructions))
        category.extend([Category.COMPUTE] * len(step.instructions))
        wait.extend([before[BDC]] * len(step.transfers) + [before[GDMA]] * len(step.instructions))
        records.extend(step.transfers)
        if step.transfers:
            last[GDMA] = len(records) - 1
        records.extend(step.instructions)
        if step.instructions:
            last[BDC] = len(records) - 1
    return _Columns(
        engine=np.array(engine, dtype=np.int8),
        category=np.array(category, dtype=np.int8),
        cycles=np.array([record.cycles for record in records], dtype=np.int64),
        wait=np.array(wait, dtype=np.int64),
        op=np.array(op, dtype=np.int64),
        nbytes=np.array([getattr(record, "nbytes", 0) for record in records], dtype=np.int64),
        spans=_spans(records),
        records=tuple(records),
        workspaces=workspaces,
    )


def _category(transfer: Transfer, constant: tuple[bool, ...]) -> Category:
    """What a transfer is for; `constant` tells which inputs of its op are weights."""
    box = transfer.source
    if transfer.direction is Direction.LOAD and box and 0 <= box.operand < len(constant):
        return Category.LOAD_WEIGHT if constant[box.operand] else Category.LOAD_ACTIVATION
    return _CATEGORY[transfer.direction]


def _spans(records: Sequence[Command]) -> Int64s:
    """The fields of `Spans` of some commands, shape (5, spans), those of no bytes left out."""
    touched = (
        (number, span.buffer, span.address, span.address + span.nbytes, reading)
        for number, record in enumerate(records)
        for reading, spans in ((1, record.reads), (0, record.writes))
        for span in spans
        if span.nbytes
    )
    return np.fromiter(chain.from_iterable(touched), dtype=np.int64).reshape(-1, 5).T


def _join(columns: Iterable[Int64s | Int8s]) -> Int64s:
    """One array of all columns; empty for an empty program."""
    return np.concatenate([np.zeros(0, dtype=np.int64), *columns]).astype(np.int64, copy=False)


def _workspaces(
    graph: Graph, ops: tuple[Op, ...], parts: list[_Columns], bases: list[tuple[int, int]]
) -> dict[str, TensorType]:
    """Intermediate tensors of ops in global memory; elements are of the type of the result."""
    found: dict[str, TensorType] = {}
    for part, (first_op, _) in zip(parts, bases, strict=True):
        for (owner, operand), elements in part.workspaces.items():
            op = ops[first_op + owner]
            dtype = graph.tensor(op.outputs[0]).dtype
            found[workspace_name(op, operand)] = TensorType((elements,), dtype)
    return found
