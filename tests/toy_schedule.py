"""A small network with schedules written out by hand, for tests of the simulator and reports.

    x (1, 64, 8, 8) ── conv1 ── a ── reshape ── b (1, 64, 4, 16) ── conv2 ── y

Both convolutions run in two tiles of 32 pixels, double-buffered; the reshape is an alias.
"""

from __future__ import annotations

from lgsim.graph.core import Graph, Tensor, TensorType
from lgsim.graph.dtypes import DType
from lgsim.graph.ops.conv import Conv
from lgsim.graph.ops.layout import Reshape
from lgsim.kernels.schedule import (
    Direction,
    GmemBox,
    Instruction,
    LmemSpan,
    Schedule,
    Step,
    Transfer,
)
from lgsim.planner.plan import Plan, Section
from lgsim.run_data import RunData
from lgsim.simulator.build import build_program
from lgsim.simulator.program import Block
from lgsim.simulator.timeline import run_program
from lgsim.target import load_chip

WEIGHT = LmemSpan(0, 0, 128)
TILES_IN = (LmemSpan(1, 256, 64), LmemSpan(2, 320, 64))
TILES_OUT = (LmemSpan(3, 512, 64), LmemSpan(4, 576, 64))


def toy_graph() -> Graph:
    graph = Graph("toy")
    graph.add_input("x", TensorType((1, 64, 8, 8), DType.F16))
    for number in (1, 2):
        graph.add_tensor(Tensor(f"w{number}", TensorType((64, 64, 1, 1), DType.F16), weight=True))
    conv = Conv((1, 1), (1, 1), (0, 0, 0, 0), (1, 1))
    graph.add_op(conv, ["x", "w1"], ["a"], "conv1")
    graph.add_op(Reshape((1, 64, 4, 16)), ["a"], ["b"], "reshape")
    graph.add_op(conv, ["b", "w2"], ["y"], "conv2")
    graph.outputs.append("y")
    return graph


def half(operand: int, number: int) -> GmemBox:
    """The first or second 32 pixels of every channel of an operand."""
    return GmemBox(operand, 32 * number, (64, 32), (64, 1))


def load(box: GmemBox, to: LmemSpan, cycles: int = 100, nbytes: int = 4096) -> Transfer:
    return Transfer("GDMA_TENSOR", Direction.LOAD, cycles, nbytes, source=box, writes=(to,))


def store(number: int, cycles: int = 150) -> Transfer:
    return Transfer(
        "GDMA_TENSOR",
        Direction.STORE,
        cycles,
        4096,
        destination=half(-1, number),
        reads=(TILES_OUT[number],),
    )


def convolve(number: int, cycles: int = 120) -> Instruction:
    return Instruction(
        "CONV", "conv", cycles, reads=(TILES_IN[number], WEIGHT), writes=(TILES_OUT[number],)
    )


def toy_schedule() -> Schedule:
    weight = load(GmemBox(1, 0, (64, 64), (64, 1)), WEIGHT, 200, 8192)
    return (
        Step((weight, load(half(0, 0), TILES_IN[0]))),
        Step((load(half(0, 1), TILES_IN[1]),), (convolve(0),)),
        Step((store(0),), (convolve(1),)),
        Step((store(1),)),
    )


def block(name: str, schedule: Schedule) -> Block:
    return Block((Section("global", name, (name,), reason="runs alone"),), schedule)


def toy_blocks(first: Schedule | None = None, second: Schedule | None = None) -> list[Block]:
    return [
        block("conv1", toy_schedule() if first is None else first),
        block("reshape", ()),
        block("conv2", toy_schedule() if second is None else second),
    ]


def toy_run(blocks: list[Block] | None = None) -> RunData:
    graph = toy_graph()
    blocks = toy_blocks() if blocks is None else blocks
    timeline = run_program(build_program(graph, blocks))
    return RunData(
        model="toy",
        target="bm1684x",
        precision="f16",
        strategy="none",
        timing="cmodel",
        clock_mhz=1000,
        macs=graph.macs(),
        params=graph.params(),
        timeline=timeline,
        graph=graph,
        plan=Plan("none", timeline.program.sections),
        chip=load_chip("bm1684x", "cmodel", {}),
        batch=1,
        op_counts=graph.op_counts(),
        features={"weight_split": True},
        warnings=("one warning",),
    )
