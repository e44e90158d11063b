"""Matrix products in local memory, and which of the two units a product alone runs on.

16- and 8-bit products run on the cube (MM2, rows on lanes), one instruction per batch element;
f32 ones, and those with a single row, on the vector unit (MM, columns on lanes). What surrounds an
MM2 was read off the in-group commands of all reference networks: the bias is broadcast to all lanes
and added in place; int8 sums go to int32 and are requantized, in blocks of 64 rows for large
matrices; a head of an inner batch is copied to and fro where it does not lie as the cube needs it.
"""

from __future__ import annotations

from lgsim.graph.core import Shape
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import MatMul
from lgsim.kernels.base import Kernel, Work
from lgsim.kernels.commands.tiling import lane_bytes
from lgsim.kernels.commands.vector import Emitter, Scratch
from lgsim.kernels.matmul.local import is_blocked, multiply
from lgsim.kernels.matmul.product import Product, folded, product_of
from lgsim.kernels.schedule import Instruction, Schedule
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import Axis, Features, GroupType, Refusal, Rule, shape_text
from lgsim.kernels.views import axis_size, operand_shape
from lgsim.target.chip import Chip

F32_MATMUL = Rule("f32_matmul", "The operands are no 32-bit floats.")
MATMUL_RANKS = Rule(
    "matmul_ranks",
    "The operands are 3-D and 2-D or 3-D, both 4-D, or 4-D (5-D) with fewer batches than rows and"
    " 2-D.",
)
MATMUL_BATCH = Rule(
    "matmul_batch",
    "4-D operands have equal batch dimensions, a transposed right operand, or hdim_is_batch.",
)


def _ranks_fit(left: Shape, right: Shape) -> bool:
    """Which operands a layer group multiplies (docs/chip.md §4).

    A 3-D left operand with a 2-D right one is from the vendor's plans, where it is in most groups
    of transformers; 2-D times 2-D is in none.
    """
    ranks = len(left), len(right)
    if ranks == (4, 2):
        return left[1] < left[2]
    if ranks == (5, 2):
        return left[1] < left[3]
    return ranks in ((3, 2), (3, 3), (4, 4))


class MatMulKernel(Kernel, kinds=(MatMul,)):
    """Products of matrices, batched and with heads as an inner batch."""

    rules = (F32_MATMUL, MATMUL_RANKS, MATMUL_BATCH)
    splits = (
        "n; c (rows, or heads of the outer batch) in MM and SMALL_C groups; h if the heads are an"
        " inner batch; never K or the columns"
    )

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """Only 8 and 16 bits, and operands whose batches lie alike."""
        del features
        attrs, left, right = site.attrs, site.inputs[0].type, site.inputs[1].type
        assert isinstance(attrs, MatMul)
        if left.dtype is DType.F32:
            return F32_MATMUL.refuse(
                "the cube multiplies 8 and 16 bits; f32 products take the vector unit, alone",
                value="f32",
                limit="f16, bf16, int8",
                lift="another precision, for example --precision f16",
            )
        if not _ranks_fit(left.shape, right.shape):
            return MATMUL_RANKS.refuse(
                "the rows of the left operand do not lie across the lanes",
                value=f"{shape_text(left.shape)} times {shape_text(right.shape)}",
                limit="3-D times 2-D or 3-D, 4-D times 4-D, or 4-D (5-D) times 2-D with fewer"
                " batches than rows",
                lift="a reshape of the left operand to 3-D",
            )
        outer = len(right.shape) == 4 and not (attrs.hdim_is_batch or attrs.right_transpose)
        if outer and left.shape[:2] != right.shape[:2]:
            return MATMUL_BATCH.refuse(
                "slices of the two operands would belong to different batches",
                value=f"{shape_text(left.shape)} times {shape_text(right.shape)}",
                limit="equal batch dimensions",
                lift="a transposed right operand, or batches made equal by a Tile",
            )
        return None

    def splittable(self, site: OpSite, axis: Axis, group_type: GroupType) -> bool:
        """Batches and rows (docs/chip.md §4)."""
        assert isinstance(site.attrs, MatMul)
        if axis == "c":
            return group_type in ("MM", "SMALL_C") and len(site.outputs[0].shape) > 2
        return axis == "n" or (axis == "h" and site.attrs.hdim_is_batch)

    def input_slice(
        self, site: OpSite, index: int, axis: Axis, piece: tuple[int, int], group_type: GroupType
    ) -> tuple[int, int]:
        """Batch elements, heads and rows of the left operand; the right one where it has them."""
        attrs = site.attrs
        assert isinstance(attrs, MatMul)
        size = axis_size(operand_shape(site, index), axis, group_type)
        batch = axis == "n" or (axis == "h" and attrs.hdim_is_batch)
        rows = axis == "c" and index == 0 and not attrs.left_transpose
        full = axis_size(site.outputs[0].shape, axis, group_type)
        return piece if (batch or rows) and size == full else (0, size)

    def cuts_weight(self, site: OpSite, index: int) -> bool:
        """A right operand with a batch of its own (docs/chip.md §3)."""
        left, right = (operand.type.shape for operand in site.inputs[:2])
        return index == 1 and len(left) == len(right) > 2 and left[0] == right[0] != 1

    def even_channels(self, site: OpSite) -> tuple[int, ...]:
        """The left operand, whose rows they are, unless the scratch holds more of them."""
        attrs, product = site.attrs, product_of(site)
        assert isinstance(attrs, MatMul)
        return () if attrs.left_transpose or _holds_batch(site, product) else (0,)

    def scratch_bytes(self, site: OpSite, chip: Chip, work: Work) -> int:
        """Int32 sums and copies of heads.

        Sums that are not blocked have room for the whole batch where all of it shares the right
        operand, even if the slice holds less of it (reference/plans: swin_t_b8, deit_tiny_b16).
        """
        scratch, product = Scratch(chip), product_of(site)
        multiply(Emitter(chip), scratch, product, work)
        if _holds_batch(site, product):
            rows = product.batch * work.outputs[0].shape[1]
            return max(scratch.used, lane_bytes(chip, (1, rows, 1, product.n), DType.I32))
        return scratch.used

    def instructions(self, site: OpSite, chip: Chip, work: Work) -> tuple[Instruction, ...]:
        """MM2 per batch element and head, then bias, ReLU or requant."""
        emitter = Emitter(chip)
        multiply(emitter, Scratch(chip, work.scratch), product_of(site), work)
        return emitter.done()

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """On the cube, or on the vector unit for f32 and single rows (see `matmul.vector_unit`)."""
        from lgsim.kernels.matmul import cube_unit, vector_unit

        product = product_of(site)
        single = product.batch * product.heads * product.m == 1
        if single or product.dtype.bits >= 32:
            return vector_unit.global_schedule(site, folded(site, product), chip)
        return cube_unit.global_schedule(site, product, chip)


def _holds_batch(site: OpSite, product: Product) -> bool:
    """Whether the scratch has room for the int32 sums of the whole batch."""
    shared = folded(site, product) is not product
    return product.requant and not is_blocked(product) and shared
