"""Capability checks as data: rules, refusals, and the historical rules that are features."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import prod
from typing import Literal

from lgsim.graph.core import Shape
from lgsim.kernels.site import OpSite

GroupType = Literal["NORMAL", "3D", "SMALL_C", "MM"]
"""How the ops of a layer group see tensors as (n, c, d, h, w)."""

Axis = Literal["n", "c", "d", "h", "w"]
"""An axis along which a layer group may be cut into slices."""

AXES: tuple[Axis, ...] = ("n", "c", "d", "h", "w")

MAX_RANK = 5
"""Local memory addresses (n, c, d, h, w); docs/chip.md §3."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an op may not compute on a slice in local memory; it then runs as a global layer.

    Attributes
    ----------
    rule : str
        Name of the rule, as the page of supported ops lists it.
    sentence : str
        What is wrong with this op, in words.
    value, limit : str
        What the op has, and what the rule allows.
    lift : str
        What would make it local: another shape, precision, rewrite or feature; empty if nothing.
    feature : str, optional
        The feature that lifts it when it is switched on.
    """

    rule: str
    sentence: str
    value: str
    limit: str
    lift: str = ""
    feature: str | None = None

    @property
    def detail(self) -> str:
        """Sentence, value, limit and remedy in one line."""
        text = f"{self.sentence}: {self.value}, allowed: {self.limit}"
        return f"{text}; {self.lift}" if self.lift else text


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition of being local: its name, and one sentence for the page of supported ops."""

    name: str
    sentence: str

    def refuse(
        self,
        sentence: str,
        *,
        value: object,
        limit: str,
        lift: str = "",
        feature: str | None = None,
    ) -> Refusal:
        """A refusal by this rule."""
        return Refusal(self.name, sentence, str(value), limit, lift, feature)


@dataclass(frozen=True, slots=True)
class Features:
    """What kernels may make use of; off brings back a restriction the vendor's compiler once had.

    Attributes
    ----------
    slice_5d : bool
        A 5-D slice that only cuts axis 2 may be local.
    squeeze_local : bool
        A squeeze that keeps axes 0 and 1 may be local.
    weight_split : bool
        Constant operands of element-wise ops are cut into slices like activations.
    """

    slice_5d: bool = True
    squeeze_local: bool = True
    weight_split: bool = True

    @classmethod
    def without(cls, disabled: Collection[str]) -> Features:
        """All features but the named ones; names of other features are ignored."""
        return cls(**{name: name not in disabled for name in KERNEL_FEATURES})


KERNEL_FEATURES = {
    "slice_5d": "a 5-D slice that only cuts axis 2 may stay in local memory",
    "squeeze_local": "a squeeze that keeps axes 0 and 1 may stay in local memory",
    "weight_split": "constant operands of Add, Mul, … are cut into slices like activations",
}
"""Name and summary of each switch in `Features`."""

TOO_MANY_DIMS = Rule("too_many_dims", "Tensors have at most five dimensions.")
NO_LOCAL_FORM = Rule("no_local_form", "The op exists only as a global layer.")


def too_many_dims(site: OpSite) -> Refusal | None:
    """The check that is common to all ops: local memory knows five axes."""
    tensors = [operand.type.shape for operand in site.inputs] + [y.shape for y in site.outputs]
    largest = max(tensors, key=len, default=())
    if len(largest) <= MAX_RANK:
        return None
    return TOO_MANY_DIMS.refuse(
        "local memory sees a tensor as (n, c, d, h, w)",
        value=f"{shape_text(largest)} has {len(largest)} dimensions",
        limit=f"{MAX_RANK}",
        lift="merge neighbouring dimensions",
    )


def axis_dims(shape: Shape, axis: Axis, group_type: GroupType) -> tuple[int, ...]:
    """Dimensions of a tensor that the axis of a group type consists of; () if there are none.

    Source: docs/chip.md §3. SMALL_C moves the tokens of attention onto the lanes; if
    all dimensions above the last one multiply to whole blocks of 64 lanes they are mixed.
    """
    rank = len(shape)
    if group_type == "SMALL_C":
        return _small_c_dims(shape).get(axis, ())
    order: tuple[Axis, ...] = ("n", "c", "h", "w")
    if group_type == "3D" and rank == MAX_RANK:
        order = AXES
    if axis not in order:
        return ()
    first = order.index(axis)
    last = rank if axis == "w" else first + 1
    return tuple(range(first, min(last, rank)))


_SMALL_C_LANES = 64


def _small_c_dims(shape: Shape) -> dict[Axis, tuple[int, ...]]:
    rank = len(shape)
    if rank == 1:
        return {"h": (0,)}
    outer, last = tuple(range(rank - 1)), rank - 1
    if rank == 2:
        return {"c": (0,), "h": (1,)}
    if rank == 3:
        return {"c": outer, "h": (last,)}
    if prod(shape[:last]) % _SMALL_C_LANES == 0:
        return {"n": outer, "c": outer, "h": (last,)}
    return {"n": outer[:-1], "c": outer[-1:], "h": (last,)}


def shape_text(shape: Shape) -> str:
    """64x49x96."""
    return "x".join(map(str, shape)) or "scalar"


KEEP_OUTER = Rule("keep_outer", "Dimensions 0 and 1 keep their sizes, and there are at least two.")


def keeps_outer(site: OpSite) -> Refusal | None:
    """Check of ops that give the same elements another shape: n and lanes have to stay."""
    source, result = site.inputs[0].type.shape, site.outputs[0].shape
    if min(len(source), len(result)) >= 2 and source[:2] == result[:2]:
        return None
    return KEEP_OUTER.refuse(
        "dimension 1 lies across the lanes, and elements may not change lanes",
        value=f"{shape_text(source)} becomes {shape_text(result)}",
        limit="dimensions 0 and 1 as before",
        lift="a rewrite that leaves the first two dimensions alone",
    )


WEIGHT_OPERAND = Rule("weight_operand", "Constant operands need the feature weight_split.")
SAME_RANK = Rule("same_rank", "Operands that are no constants have equal ranks.")
BROADCAST_5D = Rule(
    "broadcast_5d", "In 5-D, dimensions 3 and 4 of an operand are both broadcast or both not."
)
BINARY_RULES = (WEIGHT_OPERAND, SAME_RANK, BROADCAST_5D)


def binary_support(site: OpSite, features: Features) -> Refusal | None:
    """Check of element-wise ops with two operands that broadcast."""
    if not features.weight_split and any(operand.weight for operand in site.inputs):
        weight = next(operand for operand in site.inputs if operand.weight)
        return WEIGHT_OPERAND.refuse(
            "constants are loaded whole, but this one has to be cut like the other operand",
            value=f"a constant operand {shape_text(weight.type.shape)}",
            limit="operands computed by other ops",
            lift="enable weight_split",
            feature="weight_split",
        )
    return same_rank(site) or _broadcast_5d(site)


def same_rank(site: OpSite) -> Refusal | None:
    """Constants are brought to any rank offline; other operands have to have it."""
    ranks = {len(operand.type.shape) for operand in site.inputs if not operand.weight}
    if ranks <= {len(site.outputs[0].shape)}:
        return None
    return SAME_RANK.refuse(
        "operands of different rank do not lie alike in local memory",
        value=" and ".join(shape_text(operand.type.shape) for operand in site.inputs),
        limit="equal ranks",
        lift="a reshape that puts ones in front",
    )


def _broadcast_5d(site: OpSite) -> Refusal | None:
    result = site.outputs[0].shape
    for operand in site.inputs:
        shape = (1,) * (len(result) - len(operand.type.shape)) + operand.type.shape
        pairs = zip(shape[3:], result[3:], strict=True)
        if len({size == full for size, full in pairs if full > 1}) > 1 and len(result) >= MAX_RANK:
            return BROADCAST_5D.refuse(
                "dimensions 3 and 4 are one axis of local memory",
                value=f"{shape_text(shape)} is broadcast to {shape_text(result)}",
                limit="both broadcast or both full",
                lift="merge the dimensions that are broadcast alike",
            )
    return None
