"""`Violation`: one broken rule of a schedule, with the numbers that show it."""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.kernels.schedule import Instruction
from lgsim.simulator.program import Program

# Every rule the sanitizer knows, with the sentence the documentation shows.
RULES = {
    "engine-order": "An engine runs its commands one at a time and in order.",
    "wait": "A command starts after the command it waits for has ended.",
    "lmem-bounds": "Local-memory spans stay between 0 and the bytes of a lane.",
    "lmem-order": "A command that touches bytes another one touched (and one of them writes) "
    "starts after that one has ended.",
    "lmem-value": "A read finds, in every byte, the value it is meant to read.",
    "gmem-bounds": "Boxes in global memory stay inside their tensor.",
    "gmem-order": "Bytes of an intermediate tensor are stored before they are read.",
    "bandwidth": "A transfer moves no more bytes than the peak of its direction allows.",
    "input-load": "Every byte of a graph input that is used is read at least once.",
    "output-store": "Every byte of a graph output is stored exactly once.",
    "weight-store": "Weights and graph inputs are never written.",
    "totals": "Parts sum to totals, and totals follow from the commands.",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule.

    Parameters
    ----------
    rule : str
        A key of `RULES`.
    where : str
        The command (number, unit, op), tensor or figure at fault.
    detail : str
        What is wrong, with numbers.
    command : int
        Index of the command at fault; −1 if it is not one command's.
    """

    rule: str
    where: str
    detail: str
    command: int = -1


def at_command(program: Program, command: int, rule: str, detail: str) -> Violation:
    """A violation by one command."""
    record = program.records[command]
    name = f" {record.name}" if isinstance(record, Instruction) else f" {record.direction.value}"
    op = program.ops[int(program.op[command])].name
    return Violation(rule, f"command {command} ({record.unit}{name} of '{op}')", detail, command)
