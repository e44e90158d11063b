"""From a plan to blocks: the schedule of every section, with moves across borders of groups."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.errors import InfeasibleError
from lgsim.graph import Graph
from lgsim.graph.core import Op
from lgsim.kernels import global_schedule
from lgsim.kernels.alias import free_ops
from lgsim.kernels.schedule import Direction, Schedule, Step, Transfer
from lgsim.kernels.site import site_of
from lgsim.planner.group import GroupEvaluator
from lgsim.planner.group.border import Move
from lgsim.planner.group.emit import TimedSchedule
from lgsim.planner.plan import Plan, Section
from lgsim.planner.price import PlacedGroup, placed_sections
from lgsim.simulator.program import Block
from lgsim.target.chip import Chip


def plan_blocks(graph: Graph, plan: Plan, evaluator: GroupEvaluator) -> list[Block]:
    """The schedule of every section of a plan; global layers that move nothing have none.

    Equal groups share one schedule. Groups that exchange transfers with a neighbour share a block.

    Raises
    ------
    LgsimError
        If a group has no type; InfeasibleError if it does not fit the chip.
    """
    free = free_ops(graph)
    blocks = []
    for part in placed_sections(graph, plan, evaluator):
        if isinstance(part, Section):
            op = graph.op(part.ops[0])
            alone = () if op.name in free else _global_layer(graph, op, evaluator.chip)
            blocks.append(Block((part,), alone))
            continue
        for groups in _linked(part):
            timed = [evaluator.schedule(group.found, group.placement) for group in groups]
            blocks.append(_joined(groups, timed))
    return blocks


def _global_layer(graph: Graph, op: Op, chip: Chip) -> Schedule:
    """The schedule of an op that runs alone; if it does not fit, the error names it."""
    try:
        return global_schedule(site_of(graph, op), chip)
    except InfeasibleError as error:
        raise InfeasibleError(
            error.what, where=op.name, limit=error.limit, hint=error.hint
        ) from None


def _linked(run: Sequence[PlacedGroup]) -> list[list[PlacedGroup]]:
    """The groups of a run, those that exchange transfers together."""
    found: list[list[PlacedGroup]] = []
    for group in run:
        if found and (group.lane.loads_out or found[-1][-1].lane.stores_out):
            found[-1].append(group)
        else:
            found.append([group])
    return found


def _joined(groups: Sequence[PlacedGroup], timed: Sequence[TimedSchedule]) -> Block:
    """One block of some groups, with the moves across the borders between them."""
    if len(groups) == 1:
        return Block((groups[0].section,), timed[0].steps, timed[0].owners)
    tables = [_Table(schedule) for schedule in timed]
    first = 0
    for table, group in zip(tables, groups, strict=True):
        table.first_op = first
        first += len(group.section.ops)
    for (before, group), (after, later) in zip(
        zip(tables, groups, strict=True), zip(tables[1:], groups[1:], strict=True), strict=False
    ):
        for move in later.lane.loads_out:
            before.take(after, move, Direction.LOAD)
        for move in group.lane.stores_out:
            after.take(before, move, Direction.STORE)
    steps: list[Step] = []
    owners: list[tuple[int, ...]] = []
    for table in tables:
        for transfers, step, numbers in table.rows():
            steps.append(Step(tuple(t for t, _ in transfers), step.instructions))
            owners.append((*(owner for _, owner in transfers), *numbers))
    return Block(tuple(group.section for group in groups), tuple(steps), tuple(owners))


_Owned = tuple[Transfer, int]


class _Table:
    """The transfers of a group per time, while some leave and others arrive.

    `first_op` is the number of its first op in the block; owners are counted over the block.
    """

    def __init__(self, timed: TimedSchedule) -> None:
        self.timed = timed
        self.first_op = 0
        self.at = {time: number for number, time in enumerate(timed.times)}
        self.gone: dict[int, set[int]] = {}
        self.arrived: dict[int, list[_Owned]] = {}

    def take(self, other: _Table, move: Move, direction: Direction) -> None:
        """Take the transfers of a value over from another group."""
        number = other.at[move.time]
        transfers = other.timed.steps[number].transfers
        arrived = self.arrived.setdefault(self.at[move.to], [])
        for index, transfer in enumerate(transfers):
            spans = transfer.writes if direction is Direction.LOAD else transfer.reads
            if transfer.direction is direction and spans[0].buffer == move.value:
                other.gone.setdefault(number, set()).add(index)
                owner = other.timed.owners[number][index] + other.first_op
                arrived.append((transfer, owner))

    def rows(self) -> list[tuple[list[_Owned], Step, list[int]]]:
        """Per step that is not empty: transfers, the step as it was, owners of instructions."""
        found = []
        for number, step in enumerate(self.timed.steps):
            owners = [owner + self.first_op for owner in self.timed.owners[number]]
            gone = self.gone.get(number, set())
            own = zip(step.transfers, owners, strict=False)
            transfers = [item for index, item in enumerate(own) if index not in gone]
            transfers += self.arrived.get(number, [])
            if transfers or step.instructions:
                found.append((transfers, step, owners[len(step.transfers) :]))
        return found
