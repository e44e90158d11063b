"""Programs: waits between steps, owners, categories, addresses and aliases."""

from __future__ import annotations

from itertools import pairwise

from toy_schedule import (
    TILES_IN,
    block,
    convolve,
    half,
    load,
    store,
    toy_blocks,
    toy_graph,
    toy_schedule,
)

from lgsim.graph.core import TensorType
from lgsim.graph.dtypes import DType
from lgsim.kernels.alias import Placement
from lgsim.kernels.schedule import Direction, GmemBox, Step, Transfer
from lgsim.planner.plan import Section
from lgsim.simulator.build import build_program
from lgsim.simulator.engines import BDC, GDMA
from lgsim.simulator.lifetimes import lifetimes
from lgsim.simulator.program import Block, Category
from lgsim.simulator.timeline import run_program


def test_commands_wait_for_the_last_command_of_the_other_engine_in_an_earlier_step() -> None:
    program = build_program(toy_graph(), toy_blocks())
    # load w, load x0 | load x1, conv0 | store0, conv1 | store1, then the same again.
    assert program.engine[:7].tolist() == [GDMA, GDMA, GDMA, BDC, GDMA, BDC, GDMA]
    assert program.wait[:7].tolist() == [-1, -1, -1, 1, 3, 2, 5]
    # The border between two sections is a border between steps.
    assert program.wait[7:].tolist() == [5, 5, 5, 8, 10, 9, 12]


def test_owners_and_categories() -> None:
    program = build_program(toy_graph(), toy_blocks())
    assert program.size == 14
    assert program.section.tolist() == [0] * 7 + [2] * 7
    assert [program.ops[i].name for i in program.op] == ["conv1"] * 7 + ["conv2"] * 7
    weight, activation, compute = (
        Category.LOAD_WEIGHT,
        Category.LOAD_ACTIVATION,
        Category.COMPUTE,
    )
    kinds = [weight, activation, activation, compute, Category.STORE, compute, Category.STORE]
    assert program.category[:7].tolist() == kinds
    assert program.gmem_load_bytes == 2 * (8192 + 2 * 4096)
    assert program.gmem_store_bytes == 2 * 2 * 4096
    assert program.section_lmem_bytes().tolist() == [640, 0, 640]


def test_a_move_counts_as_load_and_as_store() -> None:
    move = Transfer("GDMA_TENSOR", Direction.MOVE, 400, 8192, half(0, 0), half(-1, 0))
    program = build_program(toy_graph(), toy_blocks((Step((move,)),)))
    other = build_program(toy_graph(), toy_blocks(()))
    assert program.gmem_load_bytes - other.gmem_load_bytes == 8192
    assert program.gmem_store_bytes - other.gmem_store_bytes == 8192


def test_tensors_are_placed_apart_and_aliases_share() -> None:
    graph = toy_graph()
    program = build_program(graph, toy_blocks())
    assert program.placements["b"] == Placement("a")
    assert program.addresses["b"] == program.addresses["a"]
    spans = sorted(
        (program.addresses[tensor.name], program.addresses[tensor.name] + tensor.nbytes)
        for tensor in graph.tensors
        if program.placements[tensor.name].root == tensor.name
    )
    assert all(address % 4096 == 0 for address, _ in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert program.tensor_of(8, half(0, 0)) == "b"
    assert program.tensor_of(11, half(-1, 0)) == "y"


def test_equal_schedules_share_their_records() -> None:
    schedule = toy_schedule()
    program = build_program(toy_graph(), toy_blocks(schedule, schedule))
    assert all(a is b for a, b in zip(program.records[:7], program.records[7:], strict=True))


def test_a_group_has_many_ops_in_one_block() -> None:
    group = Section("group", "both", ("conv1", "reshape", "conv2"), type="NORMAL")
    middle = GmemBox(1, 0, (64, 64), (64, 1))
    schedule = (
        Step((load(half(0, 0), TILES_IN[0]),)),
        Step((load(middle, TILES_IN[1]),), (convolve(0),)),
        Step((store(0),), (convolve(1),)),
    )
    owners = ((0,), (2, 0), (2, 2))
    program = build_program(toy_graph(), [Block((group,), schedule, owners)])
    owners_by_name = [program.ops[i].name for i in program.op]
    assert owners_by_name == ["conv1", "conv2", "conv1", "conv2", "conv2"]


def test_a_block_may_hold_several_sections_that_overlap() -> None:
    sections = (
        Section("group", "first", ("conv1", "reshape")),
        Section("group", "second", ("conv2",)),
    )
    schedule = (Step((load(half(0, 0), TILES_IN[0]),)), Step((store(0),), (convolve(0),)))
    program = build_program(toy_graph(), [Block(sections, schedule, ((0,), (0, 2)))])
    assert program.section.tolist() == [0, 0, 1]
    # Each section numbers its buffers by itself: the one both touch is two values.
    found = lifetimes(run_program(program))
    both = [found.section[found.buffer == number].tolist() for number in {*found.buffer.tolist()}]
    assert [0, 1] in both


def test_operands_beyond_the_inputs_are_workspaces() -> None:
    there = Transfer("GDMA_TENSOR", Direction.MOVE, 400, 8192, half(0, 0), half(2, 0))
    back = Transfer("GDMA_TENSOR", Direction.MOVE, 400, 8192, half(2, 0), half(-1, 0))
    graph = toy_graph()
    program = build_program(graph, toy_blocks((Step((there,)), Step((back,)))))
    name = program.tensor_of(0, half(2, 0))
    assert name == "conv1#workspace0"
    # The box reaches to the last of its 64 rows of 64 elements, of which it takes 32.
    assert program.workspaces[name] == TensorType((64 * 64 - 32,), DType.F16)
    assert program.placements[name].root == name
    highest = max(program.addresses[tensor.name] for tensor in graph.tensors)
    assert program.addresses[name] > highest


def test_an_empty_program() -> None:
    program = build_program(toy_graph(), [block("conv1", ())])
    assert program.size == 0
    assert program.gmem_load_bytes == 0
