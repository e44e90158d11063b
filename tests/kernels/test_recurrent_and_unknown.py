"""Recurrent layers, and ops without a kernel: sound, and as slow as their bytes."""

from __future__ import annotations

import pytest
from single_op import CHIP, SMALL_CHIP, moved_bytes, outcome, violations

from lgsim.graph.core import Graph, Tensor, TensorType
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import GRU, LSTM, RNN, Einsum, Unknown
from lgsim.kernels import global_schedule
from lgsim.kernels.schedule import Direction, Schedule
from lgsim.kernels.site import site_of

F32, F16 = DType.F32, DType.F16


def recurrent(
    kind: LSTM | GRU | RNN, steps: int, batch: int, features: int, bias: bool
) -> Schedule:
    rows, directions = kind.gates * kind.hidden, kind.directions
    shapes = [
        (steps, batch, features),
        (directions, rows, features),
        (directions, rows, kind.hidden),
    ]
    if bias:
        shapes.append((directions, 2 * rows))
    graph = Graph("recurrent")
    graph.add_input("x", TensorType(shapes[0], F16))
    names = ["x"]
    for index, shape in enumerate(shapes[1:]):
        names.append(f"w{index}")
        graph.add_tensor(Tensor(names[-1], TensorType(shape, F16), weight=True))
    outputs = ["y", "h", "c"][: 1 + kind.states]
    op = graph.add_op(kind, names, outputs)
    graph.outputs.extend(outputs)
    return global_schedule(site_of(graph, op), CHIP)


@pytest.mark.parametrize("kind", [LSTM(64), LSTM(64, directions=2), GRU(128), GRU(96, 2), RNN(80)])
def test_weights_are_read_once_if_they_fit(kind: LSTM | GRU | RNN) -> None:
    steps, batch, features = 12, 4, 80
    schedule = recurrent(kind, steps, batch, features, bias=True)
    rows = kind.directions * kind.gates * kind.hidden
    weights = 2 * rows * (features + kind.hidden) + 2 * 2 * rows
    x = 2 * steps * batch * features * kind.directions
    assert moved_bytes(schedule, Direction.LOAD) == weights + x


def test_large_weights_are_read_every_step() -> None:
    once = recurrent(LSTM(256), 1, 1, 1024, bias=False)
    often = recurrent(LSTM(4096), 3, 1, 1024, bias=False)
    assert moved_bytes(often, Direction.LOAD) > 2 * moved_bytes(once, Direction.LOAD)
    assert moved_bytes(often, Direction.LOAD) >= 3 * 2 * 4 * 4096 * (1024 + 4096)


@pytest.mark.parametrize("chip", [CHIP, SMALL_CHIP])
def test_unknown_ops_are_sound_and_bandwidth_bound(chip: object) -> None:
    kind = Unknown("Mystery", (TensorType((30, 50, 7), F32),))
    operands = ((200, 300), F16), ((7,), F16)
    assert violations(kind, *operands, chip=chip) == []  # type: ignore[arg-type]
    nbytes = 200 * 300 * 2 + 7 * 2
    expected = nbytes / CHIP.load_bytes_per_cycle + 30 * 50 * 7 * 4 / CHIP.store_bytes_per_cycle
    assert outcome(kind, *operands).gdma_cycles == pytest.approx(expected, abs=3)


def test_kinds_without_a_kernel_fall_back() -> None:
    assert violations(Einsum("bchq,bkc->bhk"), ((2, 3, 4, 5), F32), ((2, 6, 3), F32)) == []
