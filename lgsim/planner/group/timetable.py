"""Time steps: which op computes, and which values are loaded and stored beside it.

A group runs in rounds; in round r the actions of stage s handle slice r − s. Loads have stage 0
(one round ahead) or 1, computations stage 1, stores stage 1 or 2 (one round later). Inside a
step both engines run side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from lgsim.kernels import kernel_of
from lgsim.planner.group.pattern import Pattern

STAGES = 3


class Kind(IntEnum):
    """What an action does."""

    LOAD = 0
    COMPUTE = 1
    STORE = 2

    __hash__ = int.__hash__


class Action(NamedTuple):
    """A load or store of value `number`, or the computation of member `number`."""

    kind: Kind
    number: int
    stage: int


Timetable = tuple[tuple[Action, ...], ...]


def loaded_values(pattern: Pattern, absent: Sequence[bool]) -> list[int]:
    """Values that come from global memory, in the order of their first reader."""
    order = [v for member in pattern.members for v in member.inputs]
    seen = dict.fromkeys(order)
    return [v for v in seen if pattern.values[v].producer < 0 and not absent[v]]


@dataclass(frozen=True, slots=True)
class Timing:
    """Time steps, and when everything is in local memory.

    Steps count on from stage to stage: step k of stage s is number s · (steps) + k.

    Attributes
    ----------
    table : Timetable
        The actions of every step.
    spans : dict
        First and last step in which each value is in local memory. A value that nobody reads or
        stores lives in the step that makes it.
    members : tuple of int
        When each member computes.
    """

    table: Timetable
    spans: dict[int, tuple[int, int]]
    members: tuple[int, ...]


def timing_of(pattern: Pattern, table: Timetable) -> Timing:
    """When everything is in local memory if actions happen as `table` says."""
    length = len(table)
    starts, ends = [-1] * len(pattern.values), [-1] * len(pattern.values)
    members = [0] * len(pattern.members)
    for step, actions in enumerate(table):
        for kind, number, stage in actions:
            time = stage * length + step
            if kind is Kind.COMPUTE:
                members[number] = time
            elif kind is Kind.LOAD:
                starts[number] = time
            else:
                ends[number] = time
    for member, time in zip(pattern.members, members, strict=True):
        for value in member.inputs:
            if ends[value] < time:
                ends[value] = time
        for value in member.outputs:
            starts[value] = time
    spans = {
        number: (start, end if end > start else start)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
        if start >= 0
    }
    return Timing(table, spans, tuple(members))


@lru_cache(maxsize=64)
def nearest(pattern: Pattern, absent: tuple[bool, ...], pipelined: bool = True) -> Timing:
    """One op per step; operands arrive one step before, results leave one step after.

    The loads of the first op stand in the last step, one round ahead, unless a value among them
    is still read in that step; then they get a step of their own. The stores of the last op
    stand in the first step, one round later (docs/chip.md §8). Without the software pipeline,
    both have a step of their own in the round of their slice. Where an op spreads a value over the
    lanes, it is not stored beside it, but one step later.

    Parameters
    ----------
    pattern : Pattern
        The group.
    absent : tuple of bool
        Per value, whether it is a constant that is merged into another one.
    pipelined : bool
        Whether slices overlap in time.
    """
    count, users, spread = len(pattern.members), pattern.users, set(spread_values(pattern))
    loads: list[list[int]] = [[] for _ in range(count)]
    for value in loaded_values(pattern, absent):
        loads[users[value][0][0]].append(value)
    late = any(users[value][-1][0] == count - 1 for value in loads[0]) or count == 1
    shift = int(late or not pipelined)
    steps: list[list[Action]] = [[] for _ in range(count + shift + (not pipelined))]
    for number, values in enumerate(loads):
        step, stage = (number - 1 + shift, 1) if number + shift else (count - 1, 0)
        steps[step] += [Action(Kind.LOAD, value, stage) for value in values]
    for number, member in enumerate(pattern.members):
        steps[number + shift].insert(0, Action(Kind.COMPUTE, number, 1))
        for value in member.outputs:
            if pattern.values[value].leaves:
                after = number + 1
                while (value, after) in spread:
                    after += 1
                step, stage = (after + shift, 1) if after + shift < len(steps) else (0, 2)
                steps[step].append(Action(Kind.STORE, value, stage))
    return timing_of(pattern, tuple(map(tuple, steps)))


@lru_cache(maxsize=64)
def spread_values(pattern: Pattern) -> tuple[tuple[int, int], ...]:
    """Values that a member needs spread over more lanes, and that member."""
    return tuple(
        (member.inputs[index], number)
        for number, member in enumerate(pattern.members)
        for index in kernel_of(type(member.site.attrs)).spread_operands(member.site)
    )


def is_complete(pattern: Pattern, timetable: Timetable, absent: Iterable[bool]) -> bool:
    """Whether every load, computation and store stands in the table exactly once, in order."""
    expected = {(Kind.COMPUTE, number) for number in range(len(pattern.members))}
    expected |= {(Kind.LOAD, value) for value in loaded_values(pattern, list(absent))}
    expected |= {(Kind.STORE, value) for value in pattern.stored}
    listed = [(action.kind, action.number) for step in timetable for action in step]
    if sorted(listed) != sorted(expected):
        return False
    length = len(timetable)
    at = {
        (action.kind, action.number): action.stage * length + step
        for step, actions in enumerate(timetable)
        for action in actions
    }
    order = {
        action.number: position
        for position, action in enumerate(a for s in timetable for a in s if a.kind is Kind.COMPUTE)
    }
    for number, value in enumerate(pattern.values):
        made = at.get((Kind.COMPUTE, value.producer)) if value.producer >= 0 else None
        ready = at.get((Kind.LOAD, number)) if made is None else made
        if ready is None:
            continue
        for user, _ in pattern.users[number]:
            when = at[Kind.COMPUTE, user]
            beside = made is not None and order[value.producer] < order[user]
            if when < ready or (when == ready and not beside):
                return False
        if value.leaves and at[Kind.STORE, number] <= ready:
            return False
    return True
