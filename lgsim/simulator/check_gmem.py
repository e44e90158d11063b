"""Global-memory rules of the sanitizer: what is read and written, how often, and in which order.

Accesses are gathered per piece of storage (an alias shares the storage of its source) as runs of
bits, so that packed 4-bit tensors need no special case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from lgsim.graph.core import Graph, Op, Tensor, TensorType
from lgsim.graph.ops import Conv, Pool
from lgsim.kernels.alias import Placement
from lgsim.kernels.schedule import GmemBox, Transfer
from lgsim.simulator.boxes import box_extent, box_runs
from lgsim.simulator.engines import Int64s
from lgsim.simulator.program import Program
from lgsim.simulator.timeline import Timeline
from lgsim.simulator.violation import Violation, at_command

# A cycle beyond every program.
_NEVER = 2**62

# Ops that pick elements: an input only they read need not be loaded entirely.
_PICKING_KINDS = {"Slice", "Gather", "GatherElements", "GatherND"}


@dataclass(slots=True)
class _Access:
    """Runs of bits that one command reads or writes in one piece of storage."""

    command: int
    starts: Int64s
    stops: Int64s


@dataclass(slots=True)
class _Storage:
    """Everything that happens to one piece of storage, in issue order."""

    loads: list[_Access] = field(default_factory=list)
    stores: list[_Access] = field(default_factory=list)


def check_gmem(program: Program, timeline: Timeline, graph: Graph) -> list[Violation]:
    """Violations of the rules on global memory.

    They are ``gmem-bounds``, ``gmem-order``, ``input-load``, ``output-store``, ``weight-store``.
    """
    found, storages = _gather(program, graph)
    given = set(graph.inputs) | {t.name for t in graph.tensors if t.weight}
    for root, storage in storages.items():
        if root in given:
            found += [
                at_command(program, access.command, "weight-store", f"writes to '{root}'")
                for access in storage.stores
            ]
        else:
            found += _check_order(program, timeline, root, storage)
    found += _check_inputs(program, graph, storages)
    for name in dict.fromkeys(graph.outputs):
        place = program.placements[name]
        if place.root not in given:
            found += _check_output(name, place, graph.tensor(name), storages.get(place.root))
    return found


def _gather(program: Program, graph: Graph) -> tuple[list[Violation], dict[str, _Storage]]:
    """All accesses per storage, and boxes that leave their tensor."""
    found: list[Violation] = []
    storages: dict[str, _Storage] = {}
    runs: dict[int, tuple[Int64s, int]] = {}
    for command, record in enumerate(program.records):
        if not isinstance(record, Transfer):
            continue
        for box, stores in ((record.source, False), (record.destination, True)):
            if box is None:
                continue
            name = program.tensor_of(command, box)
            type_, place = _type_of(program, graph, name), program.placements[name]
            low, high = box_extent(box)
            room = 8 * (_type_of(program, graph, place.root).nbytes - place.offset_bytes)
            room = min(type_.elements, room // type_.dtype.bits)
            if low < 0 or high > room:
                detail = f"elements {low:,}..{high - 1:,} of '{name}', which has {room:,}"
                found.append(at_command(program, command, "gmem-bounds", detail))
                continue
            if low == high:
                continue
            starts, length = runs[id(box)] if id(box) in runs else _remember(runs, box)
            bits, base = type_.dtype.bits, 8 * place.offset_bytes
            storage = storages.setdefault(place.root, _Storage())
            access = _Access(command, base + starts * bits, base + (starts + length) * bits)
            (storage.stores if stores else storage.loads).append(access)
    return found, storages


def _type_of(program: Program, graph: Graph, name: str) -> TensorType:
    """Type of a tensor of the graph or of a workspace."""
    return program.workspaces[name] if name in program.workspaces else graph.tensor(name).type


def _remember(runs: dict[int, tuple[Int64s, int]], box: GmemBox) -> tuple[Int64s, int]:
    """Runs of a box, kept for the next command that shares it."""
    runs[id(box)] = box_runs(box)
    return runs[id(box)]


def _joined(accesses: Iterable[_Access], ends: Int64s) -> tuple[Int64s, Int64s, Int64s]:
    """Starts, stops and end cycles of all runs of some accesses, ascending by start."""
    accesses = list(accesses)
    starts = np.concatenate([np.zeros(0, dtype=np.int64), *(a.starts for a in accesses)])
    stops = np.concatenate([np.zeros(0, dtype=np.int64), *(a.stops for a in accesses)])
    commands = np.array([a.command for a in accesses], dtype=np.int64)
    cycles = np.repeat(ends[commands], [len(a.starts) for a in accesses])
    order = np.argsort(starts, kind="stable")
    return starts[order], stops[order], cycles[order]


def _overlaps(starts: Int64s, stops: Int64s) -> Int64s:
    """Indices of runs that begin before an earlier one has stopped."""
    reach = np.maximum.accumulate(stops)
    return np.flatnonzero(starts[1:] < reach[:-1]) + 1


def _uncovered(starts: Int64s, stops: Int64s, nbits: int) -> tuple[int, int] | None:
    """First stretch of 0..nbits that no run covers, or None."""
    reach = np.maximum.accumulate(np.concatenate([[0], stops]))
    gaps = np.flatnonzero(np.concatenate([starts, [nbits]]) > reach)
    if not len(gaps):
        return None
    first = int(gaps[0])
    return int(reach[first]), int(starts[first]) if first < len(starts) else nbits


def _check_order(
    program: Program, timeline: Timeline, root: str, storage: _Storage
) -> list[Violation]:
    """Loads of bytes that were not stored yet."""
    found: list[Violation] = []
    for load, ready in zip(storage.loads, _ready_cycles(storage, timeline.end), strict=True):
        begins = int(timeline.start[load.command])
        if ready == _NEVER:
            detail = f"reads bytes of '{root}' that nothing stored"
        elif ready >= begins:
            detail = f"reads '{root}' from cycle {begins:,}, but its store ends at {ready:,}"
        else:
            continue
        found.append(at_command(program, load.command, "gmem-order", detail))
    return found


def _ready_cycles(storage: _Storage, ends: Int64s) -> list[int]:
    """Cycle in which the last byte of each load has been stored; `_NEVER` if one never is."""
    stored = _joined(storage.stores, ends)
    if not len(_overlaps(stored[0], stored[1])):
        return _covering_cycles(stored, storage.loads)
    # Bytes that are stored more than once have to be there in the version the program means.
    ready: list[int] = []
    for load in storage.loads:
        earlier = [store for store in storage.stores if store.command < load.command]
        ready += _covering_cycles(_flattened(*_joined(earlier, ends)), [load])
    return ready


def _covering_cycles(stored: tuple[Int64s, Int64s, Int64s], loads: list[_Access]) -> list[int]:
    """Like `_ready_cycles`, from disjoint ascending runs: their starts, stops and end cycles."""
    starts, stops, cycles = stored
    if not loads or not len(starts):
        return [_NEVER] * len(loads)
    begin = np.concatenate([load.starts for load in loads])
    after = np.concatenate([load.stops for load in loads])
    first = np.searchsorted(starts, begin, side="right") - 1
    last = np.searchsorted(starts, after, side="left") - 1
    gaps = np.concatenate([[0], np.cumsum(starts[1:] != stops[:-1])])
    missing = (first < 0) | (stops[first] <= begin) | (stops[last] < after)
    missing |= gaps[first] != gaps[last]
    pairs = np.stack([np.maximum(first, 0), last + 1], axis=1).ravel()
    ready = np.maximum.reduceat(np.append(cycles, -1), pairs)[::2]
    ready[missing] = _NEVER
    sizes = [len(load.starts) for load in loads]
    of_load: list[int] = np.maximum.reduceat(ready, np.cumsum([0, *sizes[:-1]])).tolist()
    return of_load


def _flattened(starts: Int64s, stops: Int64s, cycles: Int64s) -> tuple[Int64s, Int64s, Int64s]:
    """Disjoint runs from overlapping ones; bytes stored again are ready after the last store."""
    edges = np.unique(np.concatenate([starts, stops]))
    ready = np.full(max(len(edges) - 1, 0), -1, dtype=np.int64)
    first, last = np.searchsorted(edges, starts), np.searchsorted(edges, stops)
    for low, high, cycle in zip(first.tolist(), last.tolist(), cycles.tolist(), strict=True):
        np.maximum(ready[low:high], cycle, out=ready[low:high])
    covered = ready >= 0
    return edges[:-1][covered], edges[1:][covered], ready[covered]


def _check_inputs(program: Program, graph: Graph, storages: dict[str, _Storage]) -> list[Violation]:
    """Graph inputs of which a byte is needed but never loaded."""
    needed: set[str] = set()
    for op in {number: program.ops[number] for number in program.op.tolist()}.values():
        if op.kind in _PICKING_KINDS or _skips(graph, op):
            continue
        for name in op.inputs:
            root = program.placements[name].root
            # Who reads a view of a part does not need the rest.
            if graph.tensor(name).nbytes == graph.tensor(root).nbytes:
                needed.add(root)
    found = []
    for name in graph.inputs:
        if name in needed:
            loads = storages[name].loads if name in storages else []
            starts, stops, _ = _joined(loads, np.zeros(program.size, dtype=np.int64))
            hole = _uncovered(starts, stops, _bits(graph.tensor(name)))
            if hole:
                where = f"input '{name}'"
                found.append(Violation("input-load", where, _hole_text(hole, "loaded")))
    return found


def _skips(graph: Graph, op: Op) -> bool:
    """Whether the windows of an op leave out a row or column of its first input."""
    attrs = op.attrs
    if not isinstance(attrs, Conv | Pool):
        return False
    shapes = (graph.tensor(name).shape[2:] for name in (op.inputs[0], op.outputs[0]))
    sizes = zip(*shapes, strict=True)
    for axis, (size, count) in enumerate(sizes):
        dilation = attrs.dilations[axis] if attrs.dilations else 1
        extent = (attrs.kernel[axis] - 1) * dilation + 1
        stride = attrs.strides[axis]
        reach = (count - 1) * stride + extent - attrs.pads[axis]
        if stride > extent or dilation > 1 or reach < size:
            return True
    return False


def _check_output(
    name: str, place: Placement, tensor: Tensor, storage: _Storage | None
) -> list[Violation]:
    """An output with bytes that are stored never, or more than once."""
    where, nbits = f"output '{name}'", _bits(tensor)
    stores = storage.stores if storage else []
    ends = np.zeros(max((access.command for access in stores), default=0) + 1, dtype=np.int64)
    starts, stops, _ = _joined(stores, ends)
    starts = np.maximum(starts - 8 * place.offset_bytes, 0)
    stops = np.minimum(stops - 8 * place.offset_bytes, nbits)
    starts, stops = starts[stops > starts], stops[stops > starts]
    hole = _uncovered(starts, stops, nbits)
    if hole:
        return [Violation("output-store", where, _hole_text(hole, "stored"))]
    again = _overlaps(starts, stops)
    if len(again):
        byte = int(starts[again[0]]) // 8
        return [Violation("output-store", where, f"byte {byte:,} is stored more than once")]
    return []


def _bits(tensor: Tensor) -> int:
    """Bits of a packed tensor."""
    return tensor.type.elements * tensor.dtype.bits


def _hole_text(hole: tuple[int, int], verb: str) -> str:
    """The first missing stretch, in bytes."""
    return f"bytes {hole[0] // 8:,}..{-(-hole[1] // 8) - 1:,} are never {verb}"
