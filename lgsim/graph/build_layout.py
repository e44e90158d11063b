"""`LayoutBuilder`: the part of `GraphBuilder` that reshapes, reorders, cuts, joins and resizes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from lgsim.errors import LgsimError
from lgsim.graph import ops
from lgsim.graph.build_core import BuilderCore, from_front
from lgsim.graph.values import Tensor


class LayoutBuilder(BuilderCore):
    """Layers that only move or rename elements. Axes may count from the end."""

    def reshape(self, x: Tensor, shape: Sequence[int], name: str | None = None) -> Tensor:
        """The same elements in another shape; one size may be −1 and follows from the others."""
        known = prod(size for size in shape if size != -1)
        if list(shape).count(-1) > 1 or known < 1 or (-1 in shape and x.type.elements % known):
            raise LgsimError(
                f"{x.shape} does not reshape to {tuple(shape)}", where=self._scope + (name or "")
            )
        full = tuple(x.type.elements // known if size == -1 else size for size in shape)
        return self.op(ops.Reshape(full), x, name=name)

    def flatten(self, x: Tensor, axis: int = 1, name: str | None = None) -> Tensor:
        """All dimensions from `axis` on as one."""
        return self.reshape(x, (*x.shape[:axis], prod(x.shape[axis:])), name=name)

    def permute(self, x: Tensor, order: Sequence[int], name: str | None = None) -> Tensor:
        """Dimension i of the result is dimension ``order[i]`` of `x`."""
        return self.op(ops.Permute(tuple(order)), x, name=name)

    def transpose(self, x: Tensor, first: int, second: int, name: str | None = None) -> Tensor:
        """Exchange two dimensions."""
        rank = len(x.shape)
        first, second = from_front(first, rank), from_front(second, rank)
        order = list(range(rank))
        order[first], order[second] = order[second], order[first]
        return self.permute(x, order, name=name)

    def squeeze(self, x: Tensor, axis: int, name: str | None = None) -> Tensor:
        """Drop a dimension of size 1."""
        return self.op(ops.Squeeze((from_front(axis, len(x.shape)),)), x, name=name)

    def unsqueeze(self, x: Tensor, axis: int, name: str | None = None) -> Tensor:
        """Insert a dimension of size 1, at `axis` of the result."""
        return self.op(ops.Unsqueeze((from_front(axis, len(x.shape) + 1),)), x, name=name)

    def concat(self, parts: Sequence[Tensor], axis: int, name: str | None = None) -> Tensor:
        """Tensors one after the other along `axis`."""
        return self.op(ops.Concat(from_front(axis, len(parts[0].shape))), *parts, name=name)

    def slice(
        self,
        x: Tensor,
        axis: int,
        start: int = 0,
        end: int | None = None,
        step: int = 1,
        name: str | None = None,
    ) -> Tensor:
        """Elements start, start + step, … before `end` of one axis; bounds as in Python."""
        rank = len(x.shape)
        axis = from_front(axis, rank)
        bounds = slice(start, end, step).indices(x.shape[axis])
        starts, ends, steps = [0] * rank, list(x.shape), [1] * rank
        starts[axis], ends[axis], steps[axis] = bounds
        return self.op(ops.Slice(tuple(starts), tuple(ends), tuple(steps)), x, name=name)

    def split(
        self, x: Tensor, parts: int | Sequence[int], axis: int, name: str | None = None
    ) -> list[Tensor]:
        """Cut into equal parts, or into parts of the given sizes: one slice each."""
        size = x.shape[from_front(axis, len(x.shape))]
        sizes = [size // parts] * parts if isinstance(parts, int) else list(parts)
        if sum(sizes) != size:
            raise LgsimError(f"{size} elements do not split into {parts}", where=self._scope)
        cuts: list[Tensor] = []
        start = 0
        for number, part in enumerate(sizes):
            label = None if name is None else f"{name}_{number}"
            cuts.append(self.slice(x, axis, start, start + part, name=label))
            start += part
        return cuts

    def select(self, x: Tensor, axis: int, index: int) -> Tensor:
        """One position of an axis, which is dropped: a slice and a squeeze."""
        axis = from_front(axis, len(x.shape))
        size = x.shape[axis]
        if not -size <= index < size:
            raise LgsimError(f"there is no position {index} in {size}", where=self._scope)
        return self.squeeze(self.slice(x, axis, index % size, index % size + 1), axis)

    def roll(self, x: Tensor, shift: int, axis: int) -> Tensor:
        """Shift along an axis, round the end: two slices and a concatenation."""
        cut = -shift % x.shape[from_front(axis, len(x.shape))]
        if not cut:
            return x
        return self.concat([self.slice(x, axis, cut), self.slice(x, axis, 0, cut)], axis)

    def tile(self, x: Tensor, repeats: Sequence[int], name: str | None = None) -> Tensor:
        """Repeat along each dimension."""
        return self.op(ops.Tile(tuple(repeats)), x, name=name)

    def pad(
        self,
        x: Tensor,
        pads: Sequence[int],
        mode: str = "constant",
        value: float = 0.0,
        name: str | None = None,
    ) -> Tensor:
        """A border; one number before each dimension, then one after each."""
        return self.op(ops.Pad(tuple(pads), mode, value), x, name=name)

    def upsample(self, x: Tensor, scale: int, name: str | None = None) -> Tensor:
        """Repeat each pixel of (N, C, H, W) `scale` times in both directions."""
        return self.op(ops.Upsample(scale, scale), x, name=name)

    def resize(
        self,
        x: Tensor,
        size: Sequence[int],
        mode: str = "linear",
        coord_mode: str = "half_pixel",
        name: str | None = None,
    ) -> Tensor:
        """Resample (N, C, *spatial) to another spatial size."""
        return self.op(ops.Interp(tuple(size), mode, coord_mode), x, name=name)

    def gather(self, x: Tensor, indices: Tensor, axis: int, name: str | None = None) -> Tensor:
        """Pick positions of an axis by an integer tensor."""
        return self.op(ops.Gather(from_front(axis, len(x.shape))), x, indices, name=name)
