"""Groups of the vendor's finished plan in the terms of a pattern: time steps and addresses."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.frontends.vendor_plan import LOAD, STORE, VendorGroup, VendorOp
from lgsim.planner.group.given import Given
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.timetable import Action, Kind


def recorded_group(pattern: Pattern, group: VendorGroup, absent: Sequence[bool]) -> Given | None:
    """The vendor's time steps and addresses; None if its ops do not match those of the pattern.

    Loads of tables that only the vendor's compiler makes are left out.
    """
    if len(group.computes) != len(pattern.members):
        return None
    actions: dict[int, Action] = {}
    values: dict[str, int] = {}
    loads = {op.name: op for op in group.ops if op.kind == LOAD}
    for number, (member, op) in enumerate(zip(pattern.members, group.computes, strict=True)):
        actions[op.id] = Action(Kind.COMPUTE, number, op.stage)
        values[op.name] = member.outputs[0]
        _match_loads(member.inputs, op, loads, absent, values, actions)
    for op in group.ops:
        if op.kind == STORE:
            if op.inputs[0] not in values:
                return None
            actions[op.id] = Action(Kind.STORE, values[op.inputs[0]], op.stage)
    steps: list[list[Action]] = []
    for item in group.flow:
        if item < 0:
            steps.append([])
        elif item in actions:
            steps[-1].append(actions[item])
    return Given(tuple(map(tuple, steps)), _addresses(group, values))


def _addresses(group: VendorGroup, values: dict[str, int]) -> tuple[tuple[int, int], ...]:
    """Owner and address of every buffer whose place is recorded."""
    found = [
        (values[op.name], op.address)
        for op in group.ops
        if op.kind != STORE and op.name in values and op.address is not None
    ]
    found += [
        (~number, op.buffer_address)
        for number, op in enumerate(group.computes)
        if op.buffer_bytes and op.buffer_address is not None
    ]
    return tuple(found)


def _match_loads(
    inputs: Sequence[int],
    op: VendorOp,
    loads: dict[str, VendorOp],
    absent: Sequence[bool],
    values: dict[str, int],
    actions: dict[int, Action],
) -> None:
    """Find out which values the loads of one op bring; operands stand in the same order."""
    present = [name for name in op.inputs if name in loads or name in values]
    wanted = [value for value in inputs if not absent[value]]
    for name, value in zip(present, wanted, strict=False):
        load = loads.get(name)
        if load is not None and name not in values:
            values[name] = value
            actions[load.id] = Action(Kind.LOAD, value, load.stage)
