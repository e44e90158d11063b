"""`Pattern`: a layer group without names. Equal patterns are evaluated once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from lgsim.graph.core import Graph, TensorType
from lgsim.kernels.site import OpSite, site_of


@dataclass(frozen=True, slots=True)
class Member:
    """An op of a group: its site, and the numbers of the values it reads and makes."""

    site: OpSite
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of a group.

    Attributes
    ----------
    producer : int
        Member that makes it; −1 if it is loaded from global memory.
    leaves : bool
        Whether it has to be stored: somebody outside of the group reads it.
    """

    type: TensorType
    weight: bool
    producer: int
    leaves: bool


@dataclass(frozen=True)
class Pattern:
    """Ops in the order they are computed, and the values between them.

    Hashing is by structure and done once, since patterns are keys of every cache.
    """

    members: tuple[Member, ...]
    values: tuple[Value, ...]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.members, self.values)))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def users(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Per value, the (member, operand index) pairs that read it, in order."""
        found: list[list[tuple[int, int]]] = [[] for _ in self.values]
        for number, member in enumerate(self.members):
            for index, value in enumerate(member.inputs):
                found[value].append((number, index))
        return tuple(map(tuple, found))

    @cached_property
    def stored(self) -> tuple[int, ...]:
        """Values that leave the group."""
        return tuple(number for number, value in enumerate(self.values) if value.leaves)


@dataclass(frozen=True)
class Binding:
    """The names behind a pattern: ops by member number, tensors by value number."""

    ops: tuple[str, ...]
    tensors: tuple[str, ...]


def pattern_of(graph: Graph, ops: Sequence[str]) -> tuple[Pattern, Binding]:
    """The pattern of some ops of a graph, and the names it stands for.

    Parameters
    ----------
    graph : Graph
        A typed graph.
    ops : sequence of str
        Names of ops in an order in which they can be computed.
    """
    inside = set(ops)
    numbers: dict[str, int] = {}
    values: list[Value] = []
    members: list[Member] = []
    outputs = set(graph.outputs)

    def number_of(name: str, producer: int = -1) -> int:
        if name not in numbers:
            tensor = graph.tensor(name)
            leaves = producer >= 0 and (
                name in outputs or any(user.name not in inside for user in graph.consumers(name))
            )
            numbers[name] = len(values)
            values.append(Value(tensor.type, tensor.weight, producer, leaves))
        return numbers[name]

    for position, op_name in enumerate(ops):
        op = graph.op(op_name)
        read = tuple(number_of(name) for name in op.inputs)
        made = tuple(number_of(name, position) for name in op.outputs)
        members.append(Member(site_of(graph, op), read, made))
    return Pattern(tuple(members), tuple(values)), Binding(tuple(ops), tuple(numbers))
