"""One op on its own: its schedule, and what the schedule checker says to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lgsim.graph.core import Graph, Tensor, TensorType
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import OpKind
from lgsim.kernels import global_schedule
from lgsim.kernels.schedule import Direction, Schedule
from lgsim.kernels.site import site_of
from lgsim.planner.plan import Section
from lgsim.simulator.build import build_program
from lgsim.simulator.check import check
from lgsim.simulator.program import Block
from lgsim.simulator.timeline import run_program
from lgsim.target import load_target
from lgsim.target.chip import Chip

CHIP = load_target("bm1684x").chip("cmodel")
SMALL_CHIP = replace(CHIP, name="small", lanes=32, lmem_bytes=65536, banks=8)

Operand = tuple[tuple[int, ...], DType]


@dataclass
class Outcome:
    """Totals of a schedule, for comparison with the vendor's."""

    commands: int
    gdma_cycles: int
    bdc_cycles: int


def graph_of(kind: OpKind, *operands: Operand, weights: int = 0) -> Graph:
    """A graph with one op; the last `weights` operands are constants."""
    graph = Graph("one")
    names = []
    for index, (shape, dtype) in enumerate(operands):
        names.append(f"x{index}")
        if index >= len(operands) - weights:
            graph.add_tensor(Tensor(names[-1], TensorType(shape, dtype), weight=True))
        else:
            graph.add_input(names[-1], TensorType(shape, dtype))
    outputs = ["y", "z"][: len(kind.infer([TensorType(*x) for x in operands]))]
    graph.add_op(kind, names, outputs, name="op")
    graph.outputs.extend(outputs)
    return graph


def schedule_of(kind: OpKind, *operands: Operand, weights: int = 0, chip: Chip = CHIP) -> Schedule:
    graph = graph_of(kind, *operands, weights=weights)
    return global_schedule(site_of(graph, graph.op("op")), chip)


def outcome(kind: OpKind, *operands: Operand, weights: int = 0, chip: Chip = CHIP) -> Outcome:
    schedule = schedule_of(kind, *operands, weights=weights, chip=chip)
    transfers = [t for step in schedule for t in step.transfers]
    instructions = [i for step in schedule for i in step.instructions]
    return Outcome(
        len(transfers) + len(instructions),
        sum(t.cycles for t in transfers),
        sum(i.cycles for i in instructions),
    )


def violations(kind: OpKind, *operands: Operand, weights: int = 0, chip: Chip = CHIP) -> list[str]:
    """What is wrong with the schedule; an op may leave input bytes alone that it does not need."""
    graph = graph_of(kind, *operands, weights=weights)
    schedule = global_schedule(site_of(graph, graph.op("op")), chip)
    block = Block((Section("global", "op", ("op",)),), schedule)
    program = build_program(graph, [block])
    found = check(program, run_program(program), chip, graph)
    return [str(v) for v in found]


def moved_bytes(schedule: Schedule, direction: Direction) -> int:
    return sum(t.nbytes for step in schedule for t in step.transfers if t.direction is direction)
