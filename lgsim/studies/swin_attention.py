"""The attention of Swin step by step, as the rewrites make it, and where it lies in a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lgsim.graph import Graph
from lgsim.graph.ops import Permute
from lgsim.planner import Plan

STEPS: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("A0 as exported", (), 3),
    ("A1 slice before permuting", ("qkv_split",), 5),
    ("A2 fold the permutes of k", ("permute_fuse", "permute_scale"), 4),
    ("A3 q·kᵀ with heads inside", ("matmul_transpose", "hdim_is_batch"), 3),
    ("A4 permute behind the bias", ("permute_add",), 3),
    ("A5 softmax, then ·v with heads inside", ("permute_softmax",), 2),
    ("A6 what is left cancels", ("permute_cancel",), 0),
)
"""Each step of the article: its name, the rewrites it adds, permutes then left per attention."""

# The first is part of the step before the last, the second came to the compiler after the article.
_ALSO = ("hdim_right", "qkv_matmul_split")

CORE_REWRITES = frozenset(name for _, names, _ in STEPS for name in names) | frozenset(_ALSO)
"""All rewrites that take permutes out of attention."""

FIXES = ("slice_5d", "squeeze_local", "weight_split")
"""What kernels learnt in the article so that attention fits one layer group."""

BEFORE = CORE_REWRITES | frozenset(FIXES)
"""Features to switch off for the compiler as it was before the article."""

AFTER = frozenset({"qkv_matmul_split"})
"""Features to switch off for the compiler as the article leaves it."""

AS_MOVES = frozenset({"permute_split"})
"""What turns a permute into moves at the very end; off where permutes of the graph are counted."""


def off_at_step(step: int) -> frozenset[str]:
    """Rewrites to switch off so that attention looks as after step `step` of `STEPS`."""
    wanted = {name for _, names, _ in STEPS[: step + 1] for name in names}
    return (CORE_REWRITES - wanted) | AS_MOVES


def permutes(graph: Graph, scope: str = "") -> int:
    """Permutes that move data, in ops whose name contains `scope`."""
    return sum(
        isinstance(op.attrs, Permute)
        and scope in op.name
        and op.attrs.moves_data(graph.input_types(op)[0].shape)
        for op in graph
    )


@dataclass(frozen=True, slots=True)
class Core:
    """What lies between the projections of one attention, in a plan.

    Attributes
    ----------
    name : str
        The block.
    sections : tuple of str
        Kind of each section that the core's computing ops lie in, in order.
    kinds_alone : frozenset of str
        Kinds of the core's ops that run as global layers.
    """

    name: str
    sections: tuple[str, ...]
    kinds_alone: frozenset[str]

    @property
    def groups(self) -> int:
        """Layer groups the core is spread over."""
        return self.sections.count("group")


_FREE = ("Reshape",)


def cores(graph: Graph, plan: Plan) -> list[Core]:
    """The cores of all attentions of a Swin in a plan, in order."""
    found: dict[str, list[int]] = {}
    alone: dict[str, set[str]] = {}
    for index, section in enumerate(plan.sections):
        for name in _core_ops(graph, section.ops):
            block = name.partition("/attn/")[0]
            sections = found.setdefault(block, [])
            if index not in sections:
                sections.append(index)
            if section.kind == "global":
                alone.setdefault(block, set()).add(graph.op(name).kind)
    return [
        Core(
            block,
            tuple(plan.sections[index].kind for index in sections),
            frozenset(alone.get(block, ())),
        )
        for block, sections in found.items()
    ]


def _core_ops(graph: Graph, names: Sequence[str]) -> Iterator[str]:
    """Ops of the core among `names`: neither projections nor views that cost nothing."""
    for name in names:
        part = name.partition("/attn/")[2]
        if part and not part.startswith(("qkv", "proj")) and graph.op(name).kind not in _FREE:
            yield name
