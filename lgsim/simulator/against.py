"""Lays recorded commands beside a program of the same plan: which op issued how many, how long.

A record names the kind of op behind a command, but not the op. Computations stand in the order of
the program, so that runs of one kind are the same in both and only have to be divided among
neighbours of that kind. Transfers of groups have no such order: those of the same direction and
size are taken in turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import groupby

from lgsim.errors import LgsimError
from lgsim.frontends.command_file import RecordedCommand
from lgsim.kernels.schedule import Direction, Transfer
from lgsim.simulator.engines import BDC, GDMA
from lgsim.simulator.program import Program

NOBODY = "-"
"""Name of the row of recorded commands behind which no op was found."""

LEAST_MATCHED = 0.5
"""A record with a smaller share of commands that match is one of something else."""

_MOVES = "Load or Store"
_DIRECTIONS = {
    Direction.LOAD: "gmem_to_lmem",
    Direction.STORE: "lmem_to_gmem",
    Direction.MOVE: "gmem_to_gmem",
}


@dataclass(slots=True)
class UnitCount:
    """Commands and cycles of one unit."""

    commands: int = 0
    cycles: int = 0

    def add(self, cycles: int) -> None:
        """Count one more command."""
        self.commands += 1
        self.cycles += cycles


@dataclass(slots=True)
class OpComparison:
    """What an op issued in the record and in the program, by unit."""

    name: str
    kind: str
    section: str
    recorded: dict[str, UnitCount] = field(default_factory=dict)
    own: dict[str, UnitCount] = field(default_factory=dict)

    @property
    def error_cycles(self) -> int:
        """Cycles that lgsim's commands take more than the recorded ones."""
        return _cycles(self.own) - _cycles(self.recorded)

    @property
    def exact(self) -> bool:
        """Whether every unit has as many commands and cycles in both."""
        return self.own == self.recorded

    def units(self) -> Iterator[tuple[str, UnitCount, UnitCount]]:
        """Per unit that differs, what was recorded and what is lgsim's own; the worst first."""
        names = {**self.recorded, **self.own}
        pairs = [
            (name, self.recorded.get(name, UnitCount()), self.own.get(name, UnitCount()))
            for name in names
        ]
        pairs.sort(key=lambda pair: (-abs(pair[2].cycles - pair[1].cycles), pair[0]))
        return (pair for pair in pairs if pair[1] != pair[2])


def _cycles(counts: dict[str, UnitCount]) -> int:
    return sum(count.cycles for count in counts.values())


def against_record(
    program: Program, recorded: Sequence[RecordedCommand], where: str
) -> list[OpComparison]:
    """Compare the commands of a program with recorded ones of the same plan, op by op.

    Parameters
    ----------
    program : Program
        lgsim's commands.
    recorded : sequence of RecordedCommand
        In issue order.
    where : str
        The record, for messages.

    Returns
    -------
    list of OpComparison
        In the order of the program; at the end, if there are any, recorded transfers that no op of
        the program makes, under the name ``-``.

    Raises
    ------
    LgsimError
        If the record computes other kinds of ops, or in another order.
    """
    kinds = {op.name: op.kind for op in program.ops}
    rows = [
        OpComparison(name, kinds[name], section.name)
        for section in program.sections
        for name in section.ops
    ]
    rest = OpComparison(NOBODY, "", "")
    own = _own_commands(program)
    for each in (command for commands in own.values() for command in commands):
        rows[each.op].own.setdefault(each.unit, UnitCount()).add(each.cycles)
    matched = 0
    for engine, name in ((BDC, "bdc"), (GDMA, "gdma")):
        commands = [command for command in recorded if command.engine == name]
        for theirs, owner in _owners(own[engine], commands):
            row = rest if owner < 0 else rows[owner]
            row.recorded.setdefault(theirs.unit, UnitCount()).add(theirs.cycles)
            matched += owner >= 0
    if matched < LEAST_MATCHED * len(recorded):
        raise LgsimError(
            f"only {matched:,} of its {len(recorded):,} commands belong to ops of this plan, in "
            "its order",
            where=where,
            hint="is it the record of another network or another plan?",
        )
    return rows + ([rest] if rest.recorded else [])


@dataclass(frozen=True, slots=True)
class _Own:
    """A command of the program: its op, what a record calls its layer, and the rest."""

    op: int
    layer: str
    unit: str
    cycles: int
    direction: str
    nbytes: int


def _own_commands(program: Program) -> dict[int, list[_Own]]:
    """The commands of both engines, in issue order."""
    found: dict[int, list[_Own]] = {GDMA: [], BDC: []}
    columns = (program.engine, program.op, program.section, program.cycles)
    for record, engine, op, section, cycles in zip(
        program.records, *(column.tolist() for column in columns), strict=True
    ):
        layer, direction, nbytes = _kind(program.ops[op].kind), "", 0
        if isinstance(record, Transfer):
            direction, nbytes = _DIRECTIONS.get(record.direction, ""), record.nbytes
            if program.sections[section].kind == "group":
                layer = _MOVES
        found[engine].append(_Own(op, layer, record.unit, cycles, direction, nbytes))
    return found


def _kind(layer: str) -> str:
    """Kinds that differ in where a parameter stands count as one; loads and stores as well."""
    return _MOVES if layer in ("Load", "Store") else layer.removesuffix("Axis")


def _owners(
    own: Sequence[_Own], recorded: Sequence[RecordedCommand]
) -> Iterator[tuple[RecordedCommand, int]]:
    """The op behind every recorded command of an engine, −1 if there is none."""
    ours = [list(run) for _, run in groupby(own, key=lambda command: command.layer)]
    theirs = [list(run) for _, run in groupby(recorded, key=lambda command: _kind(command.layer))]
    keys = [run[0].layer for run in ours], [_kind(run[0].layer) for run in theirs]
    partner = dict(_matched(*keys))
    for number, run in enumerate(theirs):
        mine = ours[partner[number]] if number in partner else []
        owners = _by_size(mine, run) if keys[1][number] == _MOVES else _in_turn(mine, run)
        yield from zip(run, owners, strict=True)


def _matched(own: Sequence[str], recorded: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Positions in `recorded` and in `own` that belong together, in order."""
    if own == recorded:
        yield from zip(range(len(own)), range(len(own)), strict=True)
        return
    for block in SequenceMatcher(None, own, recorded, autojunk=False).get_matching_blocks():
        for number in range(block.size):
            yield block.b + number, block.a + number


def _in_turn(own: Sequence[_Own], recorded: Sequence[RecordedCommand]) -> list[int]:
    """Divide recorded commands among neighbouring ops of one kind, by the sequence of units."""
    if len({command.op for command in own}) <= 1:
        return [own[0].op if own else -1] * len(recorded)
    if len(own) == len(recorded):
        return [command.op for command in own]
    units = [command.unit for command in own], [command.unit for command in recorded]
    partner = dict(_matched(*units))
    owners, owner = [], own[0].op
    for number in range(len(recorded)):
        owner = own[partner[number]].op if number in partner else owner
        owners.append(owner)
    return owners


def _by_size(own: Sequence[_Own], recorded: Sequence[RecordedCommand]) -> list[int]:
    """The ops of own transfers of the same direction and size, in turn; −1 if there are none."""
    waiting: dict[tuple[str, int], deque[int]] = {}
    for mine in own:
        waiting.setdefault((mine.direction, mine.nbytes), deque()).append(mine.op)
    owners = []
    for theirs in recorded:
        found = waiting.get((theirs.direction, theirs.nbytes))
        owners.append(found.popleft() if found else -1)
    return owners
