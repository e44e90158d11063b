"""Cuts, room in local memory, and the order of the pipelines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from single_op import CHIP

from lgsim.errors import InfeasibleError
from lgsim.graph.dtypes import DType
from lgsim.kernels.commands.tiling import (
    Room,
    Tile,
    chunks,
    even_chunks,
    half_pipeline,
    lane_bytes,
    pipeline,
    serial,
)
from lgsim.kernels.schedule import Direction, Instruction, Transfer


@given(st.integers(1, 500), st.integers(1, 60), st.sampled_from([1, 16, 64]))
def test_even_chunks_cover_once_and_differ_by_a_unit(length: int, pieces: int, unit: int) -> None:
    parts = even_chunks(length, pieces, unit)
    assert len(parts) <= pieces
    assert [start for start, _ in parts] == [
        sum(n for _, n in parts[:i]) for i in range(len(parts))
    ]
    assert sum(n for _, n in parts) == length
    assert max(n for _, n in parts) - min(n for _, n in parts[:-1] or parts) <= unit
    assert all(n % unit == 0 for _, n in parts[:-1])


@given(st.integers(1, 500), st.integers(1, 60))
def test_chunks_cover_once(length: int, size: int) -> None:
    parts = chunks(length, size)
    assert sum(n for _, n in parts) == length
    assert all(n == size for _, n in parts[:-1])


def test_lane_bytes() -> None:
    assert lane_bytes(CHIP, (1, 64, 7, 7), DType.F32) == 64 * 4
    assert lane_bytes(CHIP, (2, 65, 7, 7), DType.F16) == 2 * 2 * 64 * 2
    assert lane_bytes(CHIP, (1, 128, 3, 3), DType.I8, aligned=False) == 18


def test_room_hands_out_banks_and_says_what_is_missing() -> None:
    room = Room(CHIP, "a test")
    assert room.take(100).address == 0
    assert room.take(10).address == 128
    assert room.take(10, bank=True).address == CHIP.bank_bytes
    with pytest.raises(InfeasibleError, match="a test does not fit local memory: 16448 bytes"):
        room.take(CHIP.lmem_bytes)


def names(tiles: int, shape: str) -> list[tuple[list[str], list[str]]]:
    def tile(index: int) -> Tile:
        load = Transfer(f"l{index}", Direction.LOAD, 1, 1)
        stored = Transfer(f"s{index}", Direction.STORE, 1, 1)
        return Tile((load,), (Instruction(f"c{index}", "", 1),), (stored,))

    build = {"pipeline": pipeline, "half": half_pipeline, "serial": serial}[shape]
    return [
        ([t.unit for t in step.transfers], [i.unit for i in step.instructions])
        for step in build([tile(index) for index in range(tiles)])
    ]


def test_three_stage_pipeline_stores_before_it_loads() -> None:
    assert names(3, "pipeline") == [
        (["l0"], []),
        (["l1"], ["c0"]),
        (["s0", "l2"], ["c1"]),
        (["s1"], ["c2"]),
        (["s2"], []),
    ]


def test_one_output_buffer_is_stored_before_the_next_tile() -> None:
    assert names(2, "half") == [
        (["l0"], []),
        (["l1"], ["c0"]),
        (["s0"], []),
        ([], ["c1"]),
        (["s1"], []),
    ]


def test_serial_tiles_do_not_overlap() -> None:
    assert names(2, "serial") == [
        (["l0"], []),
        ([], ["c0"]),
        (["s0"], []),
        (["l1"], []),
        ([], ["c1"]),
        (["s1"], []),
    ]
