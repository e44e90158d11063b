"""`Kernel`: all that is known of how one kind of op runs on the chip; the registry of kernels."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from lgsim.graph.dtypes import DType
from lgsim.graph.ops.base import OpKind
from lgsim.kernels.schedule import Instruction, LmemSpan, Schedule
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import (
    NO_LOCAL_FORM,
    Axis,
    Features,
    GroupType,
    Refusal,
    Rule,
    axis_dims,
    shape_text,
)
from lgsim.kernels.views import axis_size, operand_shape
from lgsim.target.chip import Chip


@dataclass(frozen=True, slots=True)
class Local:
    """A slice of a tensor in local memory, seen as (n, c, h, w).

    Channel k lies in lane k mod lanes; depth slices of 5-D tensors are folded into n, depth
    outermost (docs/chip.md §2).

    Parameters
    ----------
    shape : tuple of int
        n, c, h and w of the slice.
    dtype : DType
        Element type.
    span : LmemSpan
        Where it lies, the same in every lane.
    aligned : bool
        Whether every (n, c) plane starts at a multiple of the execution units; weights are packed.
    """

    shape: tuple[int, int, int, int]
    dtype: DType
    span: LmemSpan
    aligned: bool = True

    @property
    def plane(self) -> int:
        """Elements of one (n, c) plane."""
        return self.shape[2] * self.shape[3]

    @property
    def elements(self) -> int:
        """Elements of the slice."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class WeightForm:
    """How a constant operand lies in memory when a layer group loads it.

    Parameters
    ----------
    shape : tuple of int
        n, c, h and w as the transfer sees it; channels go to lanes. Without elements the operand
        is not loaded by itself (it is merged into another one).
    dtype : DType
        Type of the elements of `shape`.
    aligned : bool
        Whether every (n, c) plane starts at an execution-unit word.
    """

    shape: tuple[int, int, int, int]
    dtype: DType
    aligned: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """What the BDC is asked to do on one slice: operands, results and scratch in local memory.

    Parameters
    ----------
    inputs : tuple of Local or None
        One per input of the op, in its order; None where the slice does not need that input now
        (a bias that only the last of several partial sums adds).
    outputs : tuple of Local
        One per output of the op.
    scratch : LmemSpan, optional
        Room for intermediate values, at least as large as the kernel asked for.
    depth : int
        Depth slices folded into n of the outputs (1 for tensors of up to four dimensions).
    """

    inputs: tuple[Local | None, ...]
    outputs: tuple[Local, ...]
    scratch: LmemSpan | None = None
    depth: int = 1

    def input(self, index: int) -> Local:
        """Input `index`, which must be there."""
        operand = self.inputs[index]
        assert operand is not None
        return operand

    def reads(self) -> tuple[LmemSpan, ...]:
        """Spans of the inputs that are there."""
        return tuple(operand.span for operand in self.inputs if operand is not None)

    def writes(self) -> tuple[LmemSpan, ...]:
        """Spans of the outputs."""
        return tuple(result.span for result in self.outputs)


class Kernel:
    """How ops of some kinds run: one subclass per kind or family, without state.

    A subclass names its kinds in the class statement, ``class ConvKernel(Kernel, kinds=(Conv,))``,
    which registers it; nothing else has to know of it.
    """

    registry: ClassVar[dict[type[OpKind], Kernel]] = {}

    rules: ClassVar[tuple[Rule, ...]] = (NO_LOCAL_FORM,)
    """Rules `local_support` refuses by; none means that the op may always be local."""

    why_global: ClassVar[str] = "nothing is known of how the chip would compute it on a slice"
    """Why an op whose rule is `NO_LOCAL_FORM` exists only as a global layer."""

    splits: ClassVar[str] = "every axis"
    """What `splittable` allows, in words for the page of supported ops."""

    bank_hazard: ClassVar[bool] = False
    """Whether an instruction takes longer if the first operand and the result share a bank."""

    def __init_subclass__(cls, kinds: Iterable[type[OpKind]] = ()) -> None:
        super().__init_subclass__()
        for kind in kinds:
            Kernel.registry[kind] = cls()

    def spread_operands(self, site: OpSite) -> tuple[int, ...]:
        """Operands that the instructions copy from one lane to the others, in their own place.

        A transfer of such a value must not run beside them.
        """
        del site
        return ()

    def scratch_apart(self, site: OpSite, chip: Chip) -> bool:
        """Whether the vendor's compiler keeps the scratch away from values of other steps too."""
        del site, chip
        return False

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """None if the op may compute on slices in local memory, else which rule forbids it."""
        del features
        if NO_LOCAL_FORM not in self.rules:
            return None
        operand = f" of {shape_text(site.inputs[0].type.shape)}" if site.inputs else ""
        return NO_LOCAL_FORM.refuse(
            self.why_global, value=f"{site.kind}{operand}", limit="ops with a local form"
        )

    def splittable(self, site: OpSite, axis: Axis, group_type: GroupType) -> bool:
        """Whether a layer group of that type that contains the op may be cut along an axis.

        This is what the op allows; the group type may forbid more (c outside MM and SMALL_C).
        """
        dims = axis_dims(site.outputs[0].shape, axis, group_type)
        return bool(dims) and self.uncut_dims(site).isdisjoint(dims)

    def uncut_dims(self, site: OpSite) -> frozenset[int]:
        """Dimensions of the result that each slice has to have whole."""
        del site
        return frozenset()

    def input_slice(
        self, site: OpSite, index: int, axis: Axis, piece: tuple[int, int], group_type: GroupType
    ) -> tuple[int, int]:
        """(start, length) along `axis` of input `index` that the piece of the result needs.

        By default the same piece if the input is as long as the result, else all of it (an axis
        that is broadcast, or mixed by the op).
        """
        size = axis_size(operand_shape(site, index), axis, group_type)
        return piece if size == axis_size(site.outputs[0].shape, axis, group_type) else (0, size)

    def cuts_weight(self, site: OpSite, index: int) -> bool:
        """Whether constant operand `index` is cut into slices like an activation.

        Other constants are loaded whole, once, and stay until the last slice.
        """
        del site, index
        return False

    def load_copies(self, site: OpSite, chip: Chip, index: int) -> int:
        """Lanes that a load copies each channel of input `index` to; 1 for ordinary loads."""
        del site, chip, index
        return 1

    def weight_form(self, site: OpSite, chip: Chip, index: int) -> WeightForm | None:
        """How constant operand `index` is packed; None for a tensor like any other."""
        del site, chip, index
        return None

    def scratch_bytes(self, site: OpSite, chip: Chip, work: Work) -> int:
        """Bytes per lane of intermediate values that `instructions` needs for this slice.

        Only shapes and element types of `work` count; its addresses may still be zero.
        """
        del site, chip, work
        return 0

    def likeness(self, site: OpSite) -> Hashable:
        """What of a site decides its cost on a slice of given lengths; equal ones share costs."""
        return site

    def even_planes(self, site: OpSite, chip: Chip) -> tuple[int, ...]:
        """Operands whose rows and columns follow the result; none if more than that counts.

        Where there are any, cycles and scratch of a slice depend on how many elements the planes of
        the result have, however long its rows, and every further word of each type adds the same.
        """
        del site, chip
        return ()

    def even_channels(self, site: OpSite) -> tuple[int, ...]:
        """Operands whose channels follow the result; none if more than that counts.

        Where there are any, every two rounds over the lanes behind the second add the same.
        """
        del site
        return ()

    def instructions(self, site: OpSite, chip: Chip, work: Work) -> tuple[Instruction, ...]:
        """BDC instructions that compute the outputs of one slice from its inputs."""
        raise NotImplementedError

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """The op alone: from global memory through local memory and back, with its own tiling.

        Raises
        ------
        InfeasibleError
            If not even the smallest tile fits local memory.
        """
        raise NotImplementedError
