"""Matrix products: instruction sequences, folding over lanes, sound global schedules."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from single_op import CHIP, SMALL_CHIP, graph_of, moved_bytes, schedule_of, violations

from lgsim.graph.core import TensorType
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import MatMul
from lgsim.kernels import kernel_of
from lgsim.kernels.base import Local, Work
from lgsim.kernels.matmul.cut import choose
from lgsim.kernels.matmul.product import product_of
from lgsim.kernels.schedule import Direction, LmemSpan
from lgsim.kernels.site import Operand, OpSite, site_of

F32, F16, I8, I32 = DType.F32, DType.F16, DType.I8, DType.I32

Box = tuple[int, int, int, int]


def sequence(site: OpSite, left: Box, right: Box, out: Box) -> list[tuple[str, int]]:
    """Unit and cycles of the instructions of a slice."""
    kernel = kernel_of(MatMul)
    dtype = site.inputs[0].type.dtype
    shapes = [left, right, *([(1, 1, 1, out[3])] if len(site.inputs) > 2 else [])]
    inputs = tuple(
        Local(shape, site.inputs[i].type.dtype, LmemSpan(i, i << 18, 64))
        for i, shape in enumerate(shapes)
    )
    result = Local(out, site.outputs[0].dtype, LmemSpan(3, 3 << 18, 64))
    work = Work(inputs, (result,))
    scratch = LmemSpan(4, 4 << 18, kernel.scratch_bytes(site, CHIP, work))
    instructions = kernel.instructions(site, CHIP, replace(work, scratch=scratch))
    assert dtype is not None
    return [(i.unit, i.cycles) for i in instructions]


def matmul_site(
    kind: MatMul, left: tuple[int, ...], right: tuple[int, ...], dtype: DType, bias: bool
) -> OpSite:
    types = [TensorType(left, dtype), TensorType(right, dtype)]
    columns = right[-2] if kind.right_transpose else right[-1]
    if bias:
        types.append(TensorType((columns,), F16 if dtype.is_float else I32))
    out = TensorType(kind.infer(types)[0].shape, dtype)
    return OpSite(kind, tuple(Operand(t, False) for t in types), (out,))


def test_linear_f16() -> None:
    """bert_base f16: the bias is broadcast to the lanes, then added in place."""
    site = matmul_site(MatMul(), (1, 128, 768), (768, 3072), F16, bias=True)
    steps = sequence(site, (1, 128, 1, 768), (1, 768, 1, 3072), (1, 128, 1, 3072))
    assert steps == [("LANE_BC", 192), ("MM2", 36864), ("AR", 384)]


def test_linear_int8_in_row_blocks() -> None:
    """bert_base int8: blocks of 64 rows, int32 sums, bias, requant."""
    site = matmul_site(MatMul(), (1, 128, 768), (768, 3072), I8, bias=True)
    steps = sequence(site, (1, 128, 1, 768), (1, 768, 1, 3072), (1, 128, 1, 3072))
    assert steps == [("LANE_BC", 384), *[("MM2", 9216), ("AR", 384), ("RQDQ", 192)] * 2]


def test_heads_that_lie_apart_are_copied() -> None:
    """deit_tiny_b16 f16: 197 rows of a head are not dense in the lanes."""
    kind = MatMul(right_transpose=True, hdim_is_batch=True)
    site = matmul_site(kind, (1, 197, 3, 64), (1, 197, 3, 64), F16, bias=False)
    steps = sequence(site, (1, 197, 3, 64), (1, 197, 3, 64), (1, 197, 3, 197))
    assert steps == [("AR", 8), ("AR", 8), ("MM2", 400), ("AR", 28)] * 3


def test_heads_that_fit_one_round_stay() -> None:
    """swin_t f16: operands begin at EU words, results of 49 columns do not, but for the first."""
    kind = MatMul(right_transpose=True, hdim_is_batch=True)
    site = matmul_site(kind, (2, 49, 3, 32), (2, 49, 3, 32), F16, bias=False)
    steps = sequence(site, (2, 49, 3, 32), (2, 49, 3, 32), (2, 49, 3, 49))
    assert steps == [("MM2", 13), *[("MM2", 13), ("AR", 2)] * 2] * 2


@pytest.mark.parametrize(
    ("m", "k", "n", "rows", "inner", "width"),
    [
        (3136, 96, 96, 448, 96, 16),
        (784, 768, 192, 392, 384, 16),
        (197, 192, 768, 197, 192, 32),
        (49, 768, 768, 49, 160, 48),
        (49, 768, 3072, 49, 128, 64),
        (128, 768, 3072, 128, 160, 48),
        (128, 3072, 768, 128, 256, 32),
        (196, 384, 1536, 196, 192, 32),
        (196, 1536, 384, 196, 512, 16),
        (1, 192, 1000, 1, 96, 64),
    ],
)
def test_cuts_of_f32_products(m: int, k: int, n: int, rows: int, inner: int, width: int) -> None:
    """The pieces of every kind of f32 MatMul in swin_t, deit_tiny and bert_base."""
    site = matmul_site(MatMul(), (m, k), (k, n), F32, bias=True)
    cut = choose(product_of(site), CHIP)
    assert (cut.rows[0][1], cut.inner[0][1], cut.width) == (rows, inner, width)


products = st.tuples(
    st.sampled_from([(), (3,), (2, 3), (4, 1)]),
    st.sampled_from([1, 2, 49, 65, 200]),
    st.sampled_from([1, 7, 64, 300]),
    st.sampled_from([1, 5, 64, 1000]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["same", "none", "ones"]),
    st.sampled_from([F32, F16, I8]),
    st.booleans(),
    st.sampled_from([CHIP, SMALL_CHIP]),
)


@given(products)
@settings(max_examples=60, deadline=None)
def test_sound_schedules(case: tuple) -> None:  # type: ignore[type-arg]  # a bag of values
    batch, m, k, n, left_turned, right_turned, shared, dtype, bias, chip = case
    other = {"same": batch, "none": (), "ones": (1,) * len(batch)}[shared]
    left = (*batch, *((k, m) if left_turned else (m, k)))
    right = (*other, *((n, k) if right_turned else (k, n)))
    operands = [(left, dtype), (right, dtype)]
    if bias:
        operands.append(((n,), F32 if dtype.is_float else I32))
    kind = MatMul(left_turned, right_turned)
    assert violations(kind, *operands, chip=chip) == []
    stored = moved_bytes(schedule_of(kind, *operands, chip=chip), Direction.STORE)
    assert stored == graph_of(kind, *operands).tensor("y").nbytes


@given(
    st.sampled_from([1, 2, 5]),
    st.sampled_from([1, 3]),
    st.sampled_from([1, 49, 70]),
    st.sampled_from([7, 32]),
    st.sampled_from([5, 64]),
    st.booleans(),
    st.sampled_from([F16, I8, F32]),
)
@settings(max_examples=40, deadline=None)
def test_heads_as_inner_batch(
    b: int, heads: int, m: int, k: int, n: int, turned: bool, dtype: DType
) -> None:
    right = (b, n, heads, k) if turned else (b, k, heads, n)
    kind = MatMul(right_transpose=turned, hdim_is_batch=True)
    operands = ((b, m, heads, k), dtype), (right, dtype)
    assert violations(kind, *operands) == []
    schedule = schedule_of(kind, *operands)
    assert moved_bytes(schedule, Direction.LOAD) == dtype.nbytes(b * heads * k * (m + n))


def test_batch_with_a_shared_right_operand_is_one_tall_matrix() -> None:
    graph = graph_of(MatMul(), ((64, 49, 96), F16), ((96, 96), F16))
    site = site_of(graph, graph.op("op"))
    schedule = schedule_of(MatMul(), ((64, 49, 96), F16), ((96, 96), F16))
    loads = [t for s in schedule for t in s.transfers if t.direction is Direction.LOAD]
    assert product_of(site).batch == 64
    assert len(loads) == 2
