"""Views and in-place concatenations: where their tensors lie, and what the checker says to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lgsim.graph.core import Graph, TensorType
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Concat, Relu, Slice
from lgsim.kernels.alias import Placement
from lgsim.kernels.schedule import Direction, GmemBox, Instruction, LmemSpan, Step, Transfer
from lgsim.planner.plan import Section
from lgsim.simulator.build import build_program
from lgsim.simulator.check import check
from lgsim.simulator.program import Block, Program
from lgsim.simulator.timeline import run_program
from lgsim.target.chip import Chip

HALF = 4 * 4 * 4


def split_and_join() -> Graph:
    """x ── slices of channels 0–3 and 4–7 ── a ReLU each ── concatenated again."""
    graph = Graph("views")
    graph.add_input("x", TensorType((1, 8, 4, 4), DType.F16))
    for name, first in (("low", 0), ("high", 4)):
        cut = Slice((0, first, 0, 0), (1, first + 4, 4, 4), (1, 1, 1, 1))
        graph.add_op(cut, ["x"], [name])
        graph.add_op(Relu(), [name], [f"{name}_relu"])
    graph.add_op(Concat(1), ["low_relu", "high_relu"], ["y"])
    graph.outputs.append("y")
    return graph


def relu_block(name: str, elements: int = HALF) -> Block:
    here, there = LmemSpan(0, 0, 32), LmemSpan(1, 64, 32)
    box = GmemBox(0, 0, (elements,), (1,))
    load = Transfer("GDMA_TENSOR", Direction.LOAD, 50, 128, source=box, writes=(here,))
    relu = Instruction("AR", "max", 8, reads=(here,), writes=(there,))
    target = replace(box, operand=-1)
    store = Transfer("GDMA_TENSOR", Direction.STORE, 50, 128, destination=target, reads=(there,))
    section = Section("global", name, (name,))
    return Block((section,), (Step((load,)), Step((), (relu,)), Step((store,))))


def free_block(name: str) -> Block:
    return Block((Section("global", name, (name,)),), ())


def program_of(graph: Graph, blocks: list[Block]) -> Program:
    return build_program(graph, blocks)


@pytest.fixture
def blocks() -> list[Block]:
    return [
        free_block("low"),
        relu_block("low_relu"),
        free_block("high"),
        relu_block("high_relu"),
        free_block("y"),
    ]


def test_views_and_written_in_place(blocks: list[Block]) -> None:
    program = program_of(split_and_join(), blocks)
    assert program.placements["low"] == Placement("x", 0)
    assert program.placements["high"] == Placement("x", 128)
    assert program.placements["low_relu"] == Placement("y", 0)
    assert program.placements["high_relu"] == Placement("y", 128)
    assert program.addresses["high"] == program.addresses["x"] + 128


def test_a_sound_schedule_of_views_passes(chip: Chip, blocks: list[Block]) -> None:
    graph = split_and_join()
    program = program_of(graph, blocks)
    assert check(program, run_program(program), chip, graph) == []


def test_a_missing_piece_of_a_concatenation_is_found(chip: Chip, blocks: list[Block]) -> None:
    graph = split_and_join()
    blocks[3] = relu_block("high_relu", HALF - 8)
    program = program_of(graph, blocks)
    (violation,) = check(program, run_program(program), chip, graph)
    assert violation.rule == "output-store"
    assert violation.detail == "bytes 240..255 are never stored"


def test_a_view_beyond_its_tensor_is_found(chip: Chip, blocks: list[Block]) -> None:
    graph = split_and_join()
    program = program_of(graph, blocks)
    wrong = replace(program, placements=program.placements | {"high": Placement("x", 160)})
    (violation,) = check(wrong, run_program(wrong), chip, graph)
    assert violation.rule == "gmem-bounds"
    assert violation.detail == "elements 0..63 of 'high', which has 48"


def test_an_output_that_is_a_part_of_another_tensor(chip: Chip, blocks: list[Block]) -> None:
    graph = split_and_join()
    graph.add_op(Slice((0, 2, 0, 0), (1, 6, 4, 4), (1, 1, 1, 1)), ["y"], ["part"])
    graph.outputs[:] = ["part"]
    program = program_of(graph, [*blocks, free_block("part")])
    assert program.placements["part"] == Placement("y", 64)
    assert check(program, run_program(program), chip, graph) == []
    without = program_of(graph, [*blocks[:3], *blocks[4:], free_block("part")])
    (violation,) = check(without, run_program(without), chip, graph)
    assert violation.detail == "bytes 64..127 are never stored"
