"""Operands that others need as well are not overwritten by what an op makes in between."""

from __future__ import annotations

from dataclasses import replace

import pytest
from single_op import CHIP, graph_of

from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Cast, Conv, OpKind, Relu
from lgsim.kernels import kernel_of
from lgsim.kernels.base import Local, Work
from lgsim.kernels.schedule import Instruction, LmemSpan
from lgsim.kernels.site import OpSite, site_of

F16, I8 = DType.F16, DType.I8
CASES = [
    (Cast(I8), (1, 64, 14, 14), None),
    (Conv((3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1, relu=False), (1, 8, 56, 56), (8, 8, 3, 3)),
]


def site(kind: OpKind, shape: tuple[int, ...], weight: tuple[int, ...] | None, *, shared: bool):
    operands = [(shape, F16)] if weight is None else [(shape, F16), (weight, F16)]
    graph = graph_of(kind, *operands, weights=len(operands) - 1)
    if shared:
        graph.add_op(Relu(), ["x0"], ["other"])
    return site_of(graph, graph.op("op"))


def instructions(of: OpSite, shape: tuple[int, int, int, int]) -> tuple[Instruction, ...]:
    """Of the whole op as one slice, every buffer on its own."""
    kernel = kernel_of(type(of.attrs))
    x = Local(shape, of.inputs[0].type.dtype, LmemSpan(0, 0, 8192))
    inputs = [x, *(Local((1, 8, 1, 9), F16, LmemSpan(1, 8192, 64)) for _ in of.inputs[1:])]
    y = Local(shape, of.outputs[0].dtype, LmemSpan(2, 16384, 8192))
    work = Work(tuple(inputs), (y,), None)
    room = kernel.scratch_bytes(of, CHIP, work)
    scratch = LmemSpan(3, 32768, room) if room else None
    return kernel.instructions(of, CHIP, replace(work, scratch=scratch))


@pytest.mark.parametrize(("kind", "shape", "weight"), CASES, ids=["Cast", "Conv2D"])
def test_a_shared_operand_stays_as_it_is(kind, shape, weight) -> None:
    """Both are made in the place of the operand if nobody else reads it (reference/commands)."""
    for shared in (False, True):
        made = instructions(site(kind, shape, weight, shared=shared), shape)
        assert any(span.buffer == 0 for i in made for span in i.writes) is not shared
