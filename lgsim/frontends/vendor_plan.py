"""Reads the vendor's finished plans: groups with secs, time steps and local-memory addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal, get_args

from lgsim.errors import LgsimError

LOAD, STORE = "Load", "Store"
GroupTypeName = Literal["NORMAL", "3D", "SMALL_C", "MM"]
_AXES = ("n", "c", "d", "h", "w")


@dataclass(frozen=True, slots=True)
class VendorOp:
    """One op of a group; loads and stores are ops as well.

    Attributes
    ----------
    kind, name : str
        Op kind; name of the value it makes in the file.
    inputs : tuple of str
        Names of its operands; those that no op of the group makes come from global memory.
    type : str
        Type of the result as the file has it, e.g. ``64x49x96xf16``.
    id : int
        What `VendorGroup.flow` calls it.
    stage : int
        It handles slice r − stage in round r.
    slices : tuple
        Per axis n, c, d, h, w the (start, length) of each slice of the result.
    address, nbytes : int
        Where a slice of the result lies in local memory (None if the file does not say), and its
        bytes per lane.
    buffer_address, buffer_bytes : int
        The same for intermediate values; 0 bytes if there are none.
    aligned : bool
        Whether planes start at execution-unit words.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    type: str
    id: int
    stage: int
    slices: tuple[tuple[tuple[int, int], ...], ...]
    address: int | None
    nbytes: int
    buffer_address: int | None
    buffer_bytes: int
    aligned: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        return _shape(self.type)


@dataclass(frozen=True, slots=True)
class VendorGroup:
    """A layer group of the vendor's plan.

    Attributes
    ----------
    type : str
        NORMAL, 3D, SMALL_C or MM.
    secs : tuple of int
        Slices along n, c, d, h and w.
    flow : tuple of int
        Time steps: a negative number starts one, the others are ids of its ops.
    ops : tuple of VendorOp
        In the order of their ids' definition in the file.
    start_cycle, span_cycles, bdc_busy_cycles, gdma_busy_cycles, gmem_bytes : int
        When it ran in the vendor's simulator, how long, and what both engines did.
    """

    type: GroupTypeName
    secs: tuple[int, int, int, int, int]
    flow: tuple[int, ...]
    ops: tuple[VendorOp, ...]
    start_cycle: int
    span_cycles: int
    bdc_busy_cycles: int
    gdma_busy_cycles: int
    gmem_bytes: int

    @property
    def computes(self) -> tuple[VendorOp, ...]:
        """The ops that are no loads or stores."""
        return tuple(op for op in self.ops if op.kind not in (LOAD, STORE))


@dataclass(frozen=True, slots=True)
class VendorLayer:
    """An op that runs alone: its kind, and the shape of its first result."""

    kind: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class VendorPlan:
    """The vendor's plan of a network; ops that only rename their operand are in neither list."""

    model: str
    precision: str
    cycles: int
    groups: tuple[VendorGroup, ...]
    global_layers: tuple[VendorLayer, ...]


def is_vendor_plan(document: Mapping[str, Any]) -> bool:
    """Whether a JSON document looks like a finished plan of the vendor's."""
    return "groups" in document and "global_layers" in document


def vendor_plan(document: Mapping[str, Any], where: str) -> VendorPlan:
    """Take a finished plan from its JSON document.

    Raises
    ------
    LgsimError
        If it has another form; `where` is the file.
    """
    try:
        return VendorPlan(
            document["model"],
            document["precision"],
            document["cycles"],
            tuple(_group(group) for group in document["groups"]),
            tuple(
                VendorLayer(layer["kind"], _shape(layer["outputs"][0]))
                for layer in document["global_layers"]
            ),
        )
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise LgsimError(f"is no plan of the vendor's: {error!r}", where=where) from None


def _shape(text: str) -> tuple[int, ...]:
    """The shape in a type like ``64x49x96xf16``; element types may hold any text."""
    return tuple(int(size) for size in takewhile(str.isdigit, text.split("x")))


def _type(name: str) -> GroupTypeName:
    for known in get_args(GroupTypeName):
        if name == known:
            found: GroupTypeName = known
            return found
    raise ValueError(name)


def _group(group: dict[str, Any]) -> VendorGroup:
    n, c, d, h, w = (int(group["secs"][axis]) for axis in _AXES)
    return VendorGroup(
        _type(group["type"]),
        (n, c, d, h, w),
        tuple(group["flow"]),
        tuple(_op(op) for op in group["ops"]),
        group["start_cycle"],
        group["span_cycles"],
        group["bdc_busy_cycles"],
        group["gdma_busy_cycles"],
        group["gmem_bytes"],
    )


def _op(op: dict[str, Any]) -> VendorOp:
    slices, lmem = op["slices"], op["lmem"]
    return VendorOp(
        op["kind"],
        op["name"],
        tuple(op["inputs"]),
        op["outputs"][0],
        op["id"],
        op["stage"],
        tuple(tuple(zip(slices[axis]["idx"], slices[axis]["len"], strict=True)) for axis in _AXES),
        lmem.get("addr"),
        lmem["bytes"],
        lmem.get("buffer_addr"),
        lmem["buffer_bytes"],
        lmem["eu_align"],
    )
