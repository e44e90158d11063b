"""BDC instruction sequences of one slice against samples of the vendor's commands."""

from __future__ import annotations

import pytest
from single_op import CHIP, Operand, graph_of

from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Active, Add, Cast, LayerNorm, MulShift, OpKind, Softmax
from lgsim.kernels import kernel_of
from lgsim.kernels.base import Local, Work
from lgsim.kernels.commands.tiling import lane_bytes
from lgsim.kernels.schedule import LmemSpan
from lgsim.kernels.site import OpSite, site_of

F32, F16, I8 = DType.F32, DType.F16, DType.I8
Slice4 = tuple[int, int, int, int]


def sequence(
    kind: OpKind, operands: list[Operand], slices: list[Slice4], out: DType, weights: int = 0
) -> list[tuple[str, int]]:
    """Names and cycles of the instructions for a slice whose operands lie one after the other."""
    graph = graph_of(kind, *operands, weights=weights)
    raw = site_of(graph, graph.op("op"))
    site = OpSite(raw.attrs, raw.inputs, raw.outputs)
    address = 0
    locals_: list[Local] = []
    types = [dtype for _, dtype in operands] + [out]
    for shape, dtype in zip([*slices, slices[0]], types, strict=True):
        nbytes = lane_bytes(CHIP, shape, dtype)
        locals_.append(Local(shape, dtype, LmemSpan(len(locals_), address, nbytes)))
        address += nbytes
    kernel = kernel_of(type(kind))
    work = Work(tuple(locals_[:-1]), (locals_[-1],))
    need = kernel.scratch_bytes(site, CHIP, work)
    scratch = LmemSpan(99, address, need) if need else None
    work = Work(work.inputs, work.outputs, scratch)
    instructions = kernel.instructions(site, CHIP, work)
    for instruction in instructions:
        for span in (*instruction.reads, *instruction.writes):
            assert span.address + span.nbytes <= address + need
    return [(i.name, i.cycles) for i in instructions]


def test_silu_of_yolov5s() -> None:
    shape = (1, 32, 22, 320)
    found = sequence(Active("silu"), [(shape, F32)], [shape], F32)
    names = "s_bc sub max min mul cast mul sub cast min max adds taylor_4x mul add div mul"
    cycles = [1, 440, 880, 440, 440, 440, 440, 880, 440, 220, 220, 440, 4400, 880, 440, 13640, 880]
    assert found == list(zip(names.split(), cycles, strict=True))


def test_gelu_of_bert() -> None:
    shape = (1, 64, 12, 256)
    found = sequence(Active("gelu"), [(shape, F32)], [shape], F32)
    assert len(found) == 30
    assert sum(cycles for _, cycles in found) == 31108 // 2


def test_images_of_a_slice_take_turns_in_the_scratch() -> None:
    one, four = (1, 49, 3072, 1), (4, 49, 3072, 1)
    once = sequence(Active("gelu"), [(one, F32)], [one], F32)
    assert sequence(Active("gelu"), [(four, F32)], [four], F32) == 4 * once


@pytest.mark.parametrize(("shape", "cycles"), [((1, 49, 3, 49), 332), ((1, 197, 3, 197), 2973)])
def test_softmax_of_a_group(shape: Slice4, cycles: int) -> None:
    found = sequence(Softmax(3), [(shape, F16)], [shape], F16)
    names = [name for name, _ in found if name != "s_bc"]
    rounds = -(-shape[1] // 64)
    pools, sums = (["maxpooling"] * (rounds + 1), ["avgpooling"] * (rounds + 1))
    head = ["copy", "copy", *pools, "sub"]
    exponential = ["max", "min", "mul", "cast", "mul", "sub", "cast", "min", "max", "adds"]
    exponential += ["taylor_4x", "mul"]
    assert names == [*head, *exponential, "cast", "copy", *sums, "div", "cast", "mul"]
    assert sum(c for _, c in found) == cycles


def test_f32_softmax_of_a_group() -> None:
    found = sequence(Softmax(3), [((1, 12, 49, 49), F32)], [(1, 12, 49, 49)], F32)
    assert sum(c for _, c in found) == 6406
    assert len(found) == 24


def test_layernorm_of_bert() -> None:
    operands = [((1, 128, 768), F16), ((768,), F16), ((768,), F16)]
    slices = [(1, 128, 768, 1), (1, 1, 768, 1), (1, 1, 768, 1)]
    found = sequence(LayerNorm(2), operands, slices, F16, weights=2)
    cycles = [48, 64, 48, 96, 96, 96, 32, 2, 60, 4, 2, 96, 48, 48, 48, 48]
    assert [c for _, c in found] == cycles


@pytest.mark.parametrize(
    ("kind", "operands", "out", "names"),
    [
        (Add(), 2, I8, "muls muls adds"),
        (Add(relu=True), 2, I8, "muls muls adds cast"),
        (MulShift(), 1, I8, "muls"),
        (Cast(F16), 1, F16, "cast mul"),
        (Cast(F32), 1, F32, "dq0"),
    ],
)
def test_int8_sequences(kind: OpKind, operands: int, out: DType, names: str) -> None:
    shape = (1, 128, 768, 1)
    found = sequence(kind, [(shape, I8)] * operands, [shape] * operands, out)
    assert [name for name, _ in found] == names.split()
