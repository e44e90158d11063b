"""From a placed group to a `Schedule`: one step per round and time step, with real commands."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from lgsim.kernels import kernel_of
from lgsim.kernels.base import Local, Work
from lgsim.kernels.schedule import Direction, Instruction, LmemSpan, Schedule, Step, Transfer
from lgsim.planner.group.costs import GroupCosts
from lgsim.planner.group.cuts import Cuts, Lengths, different_slices
from lgsim.planner.group.lmem import Placement
from lgsim.planner.group.operands import slice_bytes, slice_local, spread
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.slicing import Slicing
from lgsim.planner.group.timetable import STAGES, Action, Kind, Timetable
from lgsim.target.chip import Chip

Owners = tuple[tuple[int, ...], ...]
Section = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TimedSchedule:
    """The commands of a group.

    Attributes
    ----------
    steps : tuple of Step
        What happens, in order.
    owners : tuple
        Per step, the position of the op that each command belongs to.
    times : tuple of int
        Per step, the round times the time steps of a round, plus the time step.
    """

    steps: Schedule
    owners: Owners
    times: tuple[int, ...]


class Emitter:
    """Makes the commands of one group."""

    def __init__(
        self,
        chip: Chip,
        pattern: Pattern,
        slicing: Slicing,
        costs: GroupCosts,
        placement: Placement,
    ) -> None:
        self.chip = chip
        self.pattern = pattern
        self.slicing = slicing
        self.costs = costs
        self.placement = placement
        self.sections: list[Section] = list(product(*(range(count) for count in slicing.secs)))
        self._kinds: dict[int, list[int]] = {}
        self._programs: dict[tuple[int, int], tuple[Instruction, ...]] = {}

    def schedule(self, timetable: Timetable) -> TimedSchedule:
        """Steps of all rounds in which something happens."""
        steps: list[Step] = []
        owners: list[tuple[int, ...]] = []
        times: list[int] = []
        for turn in range(len(self.sections) + STAGES - 1):
            for number, actions in enumerate(timetable):
                transfers: list[tuple[Transfer, int]] = []
                instructions: list[tuple[Instruction, int]] = []
                for action in actions:
                    index = turn - action.stage
                    if 0 <= index < len(self.sections):
                        self._act(action, index, transfers, instructions)
                if transfers or instructions:
                    steps.append(
                        Step(tuple(t for t, _ in transfers), tuple(i for i, _ in instructions))
                    )
                    owners.append(tuple(owner for _, owner in (*transfers, *instructions)))
                    times.append(turn * len(timetable) + number)
        return TimedSchedule(tuple(steps), tuple(owners), tuple(times))

    def _act(
        self,
        action: Action,
        index: int,
        transfers: list[tuple[Transfer, int]],
        instructions: list[tuple[Instruction, int]],
    ) -> None:
        number = action.number
        if action.kind is Kind.COMPUTE:
            owner = self.pattern.positions[number]
            instructions += [(i, owner) for i in self._program(number, index)]
            return
        if action.kind is Kind.LOAD and self.costs.held[number] and index:
            return
        loading = action.kind is Kind.LOAD
        direction = Direction.LOAD if loading else Direction.STORE
        value = self.pattern.values[number]
        member = self.pattern.users[number][0][0] if loading else value.producer
        owner = self.pattern.positions[member]
        if value.permute >= 0:
            owner = self.pattern.absorbed[value.permute]
        starts, lengths = self._box(self.slicing.cuts[number], index)
        span = self._span(number, lengths)
        traffic = self.costs.traffic[number]
        commands = traffic.transfers(self.chip, direction, starts, lengths, span)
        transfers += [(transfer, owner) for transfer in commands]

    def _box(self, cuts: Cuts, index: int) -> tuple[Lengths, Lengths]:
        """Start and length along each axis of a slice of a value."""
        pieces = [cut.piece(at) for cut, at in zip(cuts, self.sections[index], strict=True)]
        (n, c, d, h, w), lengths = zip(*pieces, strict=True)
        return (n, c, d, h, w), lengths

    def _span(self, number: int, lengths: Lengths) -> LmemSpan:
        value = self.pattern.values[number]
        nbytes = slice_bytes(self.chip, value.type, self.costs.forms[number], lengths)
        return LmemSpan(number, self.placement.of(number, self.costs.shared), nbytes)

    def _program(self, number: int, index: int) -> tuple[Instruction, ...]:
        member = self.pattern.members[number]
        if number not in self._kinds:
            near = [self.slicing.cuts[value] for value in (*member.inputs, *member.outputs)]
            kinds = different_slices((*near, *self.slicing.reads[number]), self.slicing.secs)
            self._kinds[number] = kinds.numbers.tolist()
        key = number, self._kinds[number][index]
        if key not in self._programs:
            work = self._work(number, index)
            self._programs[key] = kernel_of(type(member.site.attrs)).instructions(
                member.site, self.chip, work
            )
        return self._programs[key]

    def _work(self, number: int, index: int) -> Work:
        member, slicing, costs = self.pattern.members[number], self.slicing, self.costs
        inputs: list[Local | None] = []
        for value, cuts in zip(member.inputs, slicing.reads[number], strict=True):
            if costs.absent[value]:
                inputs.append(None)
                continue
            span = self._span(value, self._box(slicing.cuts[value], index)[1])
            lengths = spread(self._box(cuts, index)[1], costs.traffic[value].copies)
            type_ = self.pattern.values[value].type
            inputs.append(slice_local(type_, costs.forms[value], lengths, span))
        outputs = []
        for value in member.outputs:
            lengths = self._box(slicing.cuts[value], index)[1]
            type_ = self.pattern.values[value].type
            outputs.append(slice_local(type_, None, lengths, self._span(value, lengths)))
        scratch = None
        if costs.scratch_bytes[number]:
            owner = ~number
            first = len(self.pattern.values)
            scratch = LmemSpan(
                first + number, self.placement.addresses[owner], costs.scratch_bytes[number]
            )
        depth = self._box(slicing.cuts[member.outputs[0]], index)[1][2]
        return Work(tuple(inputs), tuple(outputs), scratch, depth)
