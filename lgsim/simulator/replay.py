"""Replays recorded command files: with their own cycles, and with lgsim's laws."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lgsim.errors import LgsimError
from lgsim.frontends.command_file import RecordedCommand, read_commands
from lgsim.simulator.engines import BDC, GDMA, Int64s, run_engines, total_cycles
from lgsim.simulator.recorded import dtype_of, law_cycles
from lgsim.target.chip import Chip

# A law holds on a command if it is off by no more than the larger of these.
TOLERANCE_CYCLES = 2
TOLERANCE_RATIO = 0.02


@dataclass(frozen=True, slots=True)
class LawRow:
    """Agreement of the laws on the commands of one unit and element type.

    `worst` describes the command that is off by most cycles, '' if all are exact.
    """

    unit: str
    dtype: str
    commands: int
    exact: int
    within: int
    recorded_cycles: int
    law_cycles: int
    worst: str
    worst_error_cycles: int


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """A recorded file against the laws.

    Parameters
    ----------
    name : str
        File name without its suffixes.
    recorded_total_cycles : int
        Total of the two engines with the cycles of the file.
    law_total_cycles : int
        Total with the cycles of the laws.
    rows : tuple of LawRow
        By unit and type, sorted.
    """

    name: str
    recorded_total_cycles: int
    law_total_cycles: int
    rows: tuple[LawRow, ...]

    @property
    def commands(self) -> int:
        """Commands in the file."""
        return sum(row.commands for row in self.rows)

    @property
    def exact(self) -> int:
        """Commands whose cycles the laws give exactly."""
        return sum(row.exact for row in self.rows)

    @property
    def within(self) -> int:
        """Commands within the tolerance."""
        return sum(row.within for row in self.rows)

    @property
    def total_error(self) -> float:
        """Relative error of the law total."""
        return self.law_total_cycles / max(1, self.recorded_total_cycles) - 1


def replay_files(paths: Iterable[Path], chip: Chip) -> list[ReplayResult]:
    """Replay every file; a folder stands for the command files in it.

    Raises
    ------
    LgsimError
        A file is missing or malformed, or a folder holds no command files.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(path.glob("*.jsonl")) + sorted(path.glob("*.jsonl.gz"))
            if not found:
                raise LgsimError("holds no command files (*.jsonl, *.jsonl.gz)", where=str(path))
            files += found
        else:
            files.append(path)
    return [replay_file(path, chip) for path in files]


def replay_file(path: Path, chip: Chip) -> ReplayResult:
    """Replay one file with its own cycles and with the laws of `chip`."""
    commands = read_commands(path)
    order, wait = program_order(commands, where=str(path))
    commands = [commands[index] for index in order]
    recorded = np.array([command.cycles for command in commands], dtype=np.int64)
    priced = np.array(law_cycles(chip, commands), dtype=np.int64)
    engine = np.array([_engine(command) for command in commands], dtype=np.int8)
    return ReplayResult(
        name=path.name.partition(".jsonl")[0],
        recorded_total_cycles=total_cycles(run_engines(engine, recorded, wait)[1]),
        law_total_cycles=total_cycles(run_engines(engine, priced, wait)[1]),
        rows=_rows(commands, recorded, priced),
    )


def _engine(command: RecordedCommand) -> int:
    """Number of the engine that runs a command."""
    return BDC if command.engine == "bdc" else GDMA


def program_order(commands: list[RecordedCommand], *, where: str = "") -> tuple[list[int], Int64s]:
    """Order the commands so that each stands behind the one it waits for.

    Returns
    -------
    order : list of int
        Positions in `commands`.
    wait : array of int64
        For each command in that order, the position *in the order* it waits for, −1 for none.

    Raises
    ------
    LgsimError
        The two engines wait for each other in a circle.

    Notes
    -----
    Waiting for an id that is not recorded means waiting for the last one before it.
    """
    queues = tuple(
        [index for index, command in enumerate(commands) if _engine(command) == engine]
        for engine in (GDMA, BDC)
    )
    order: list[int] = []
    wait: list[int] = []
    issued: tuple[list[int], list[int]] = ([], [])  # place in the order, per engine
    ids: tuple[list[int], list[int]] = ([], [])
    while len(order) < len(commands):
        before = len(order)
        for engine, queue in enumerate(queues):
            other = 1 - engine
            while len(issued[engine]) < len(queue):
                index = queue[len(issued[engine])]
                wait_id = commands[index].wait_id
                ready = len(issued[other]) == len(queues[other])
                if not ready and commands[queues[other][len(issued[other])]].id <= wait_id:
                    break
                place = bisect_right(ids[other], wait_id) - 1
                wait.append(issued[other][place] if place >= 0 else -1)
                issued[engine].append(len(order))
                ids[engine].append(commands[index].id)
                order.append(index)
        if len(order) == before:
            raise LgsimError("the engines wait for each other in a circle", where=where)
    return order, np.array(wait, dtype=np.int64)


def _rows(commands: list[RecordedCommand], recorded: Int64s, priced: Int64s) -> tuple[LawRow, ...]:
    """Agreement by unit and element type."""
    groups: dict[tuple[str, str], list[int]] = {}
    for index, command in enumerate(commands):
        groups.setdefault((command.unit, dtype_of(command).value), []).append(index)
    error = np.abs(priced - recorded)
    within = error <= np.maximum(TOLERANCE_CYCLES, TOLERANCE_RATIO * recorded)
    rows = []
    for (unit, dtype), members in sorted(groups.items()):
        worst = max(members, key=lambda index: int(error[index]))
        rows.append(
            LawRow(
                unit=unit,
                dtype=dtype,
                commands=len(members),
                exact=int(np.count_nonzero(error[members] == 0)),
                within=int(np.count_nonzero(within[members])),
                recorded_cycles=int(recorded[members].sum()),
                law_cycles=int(priced[members].sum()),
                worst=_describe(commands[worst], int(priced[worst])) if error[worst] else "",
                worst_error_cycles=int(error[worst]),
            )
        )
    return tuple(rows)


def _describe(command: RecordedCommand, cycles: int) -> str:
    """A command and what the law says of it, in a few words."""
    shape = "×".join(str(size) for size in command.outputs[0].shape)
    return f"{command.op} {shape} in {command.layer}: {cycles} for {command.cycles}"
