"""`Pattern`: a layer group without names. Equal patterns are evaluated once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from lgsim.graph.core import Graph, Op, TensorType
from lgsim.graph.ops import Permute
from lgsim.kernels.site import OpSite, site_of


class Member(NamedTuple):
    """An op of a group: its site, and the numbers of the values it reads and makes."""

    site: OpSite
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class Value(NamedTuple):
    """A tensor of a group.

    Attributes
    ----------
    producer : int
        Member that makes it; −1 if it is loaded from global memory.
    leaves : bool
        Whether it has to be stored: somebody outside of the group reads it.
    permute : int
        Which of `Pattern.absorbed` its transfers do on the way, −1 if none.
    """

    type: TensorType
    weight: bool
    producer: int
    leaves: bool
    permute: int = -1


@dataclass(frozen=True)
class Pattern:
    """Ops in the order they are computed, and the values between them.

    `absorbed` are the positions, among the ops of the group, of permutes at its border that are no
    members: a load or a store does them (see `is_head_swap`). Hashing is done once, since patterns
    are keys of every cache, and by structure; the types of values are those of the sites.
    """

    members: tuple[Member, ...]
    values: tuple[Value, ...]
    absorbed: tuple[int, ...] = ()
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        leaving = [number for number, value in enumerate(self.values) if value.leaves]
        object.__setattr__(self, "_hash", hash((self.members, *leaving, *self.absorbed)))

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
    def positions(self) -> tuple[int, ...]:
        """Where each member stands among the ops of the group."""
        every = range(len(self.members) + len(self.absorbed))
        return tuple(position for position in every if position not in self.absorbed)

    @cached_property
    def stored(self) -> tuple[int, ...]:
        """Values that leave the group."""
        return tuple(number for number, value in enumerate(self.values) if value.leaves)

    def part(self, start: int, stop: int) -> Pattern:
        """The pattern of members `start` to `stop` (exclusive) alone.

        What other members read leaves the part, and what they make is loaded.
        """
        numbers: dict[int, int] = {}
        values: list[Value] = []
        members: list[Member] = []
        for member in self.members[start:stop]:
            for number in member.inputs:
                if number not in numbers:
                    numbers[number] = len(values)
                    values.append(self._loaded[number])
            for number in member.outputs:
                numbers[number] = len(values)
                value, users = self.values[number], self.users[number]
                leaves = value.leaves or bool(users and users[-1][0] >= stop)
                values.append(Value(value.type, value.weight, len(members), leaves))
            read = tuple([numbers[number] for number in member.inputs])
            made = tuple([numbers[number] for number in member.outputs])
            members.append(Member(member.site, read, made))
        return Pattern(tuple(members), tuple(values))

    @cached_property
    def _loaded(self) -> tuple[Value, ...]:
        """The values as a part sees those that it does not make."""
        return tuple(Value(value.type, value.weight, -1, False) for value in self.values)


@dataclass(frozen=True)
class Binding:
    """The names behind a pattern: ops by position, tensors in global memory by value number."""

    ops: tuple[str, ...]
    tensors: tuple[str, ...]


def is_head_swap(graph: Graph, op: Op) -> bool:
    """Whether an op only swaps axes 1 and 2 of four, so that strides of a transfer can do it.

    The vendor's plans turn these into strides of a load or store beside them, and no others
    (reference/plans: swin_t_b8, ten permutes).
    """
    swap = isinstance(op.attrs, Permute) and op.attrs.order == (0, 2, 1, 3)
    return swap and not graph.tensor(op.inputs[0]).weight


def pattern_of(graph: Graph, ops: Sequence[str]) -> tuple[Pattern, Binding]:
    """The pattern of some ops of a graph, and the names it stands for.

    Parameters
    ----------
    graph : Graph
        A typed graph.
    ops : sequence of str
        Names of ops in an order in which they can be computed.
    """
    inside, outputs = set(ops), set(graph.outputs)
    absorbed = _absorbed(graph, ops, inside, outputs)
    permutes = {tensor: number for number, (_, tensor, _) in enumerate(absorbed)}
    numbers: dict[str, int] = {}
    values: list[Value] = []
    members: list[Member] = []

    def number_of(name: str, producer: int = -1) -> int:
        if name not in numbers:
            tensor = graph.tensor(name)
            leaves = producer >= 0 and (
                name in outputs
                or name in permutes
                or any(user.name not in inside for user in graph.consumers(name))
            )
            numbers[name] = len(values)
            permute = permutes.get(name, -1)
            values.append(Value(tensor.type, tensor.weight, producer, leaves, permute))
        return numbers[name]

    skipped = tuple(position for position, _, _ in absorbed)
    for position, op_name in enumerate(ops):
        if position in skipped:
            continue
        op = graph.op(op_name)
        read = tuple(number_of(name) for name in op.inputs)
        made = tuple(number_of(name, len(members)) for name in op.outputs)
        members.append(Member(site_of(graph, op), read, made))
    far = {near: tensor for _, near, tensor in absorbed}
    tensors = tuple(far.get(name, name) for name in numbers)
    return Pattern(tuple(members), tuple(values), skipped), Binding(tuple(ops), tensors)


def _absorbed(
    graph: Graph, ops: Sequence[str], inside: Collection[str], outputs: Collection[str]
) -> list[tuple[int, str, str]]:
    """Permutes that transfers can do: position, tensor on the group's side and on the other."""
    found: list[tuple[int, str, str]] = []
    for position, name in enumerate(ops):
        op = graph.op(name)
        if not is_head_swap(graph, op):
            continue
        source, target = op.inputs[0], op.outputs[0]
        producer = graph.producer(source)
        made_inside = producer is not None and producer.name in inside
        readers = [user.name in inside for user in graph.consumers(target)]
        if not made_inside and readers and all(readers) and target not in outputs:
            found.append((position, target, source))
        alone = len(graph.consumers(source)) == 1 and source not in outputs
        if made_inside and alone and not any(readers):
            found.append((position, source, target))
    return found
