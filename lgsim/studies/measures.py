"""What the papers measure: shares of time, densities' ingredients, sensitivities, correlations."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from typing import Literal

import numpy as np

from lgsim.graph import Graph, Op
from lgsim.graph.ops import Permute
from lgsim.studies.lab import Lab, Result
from lgsim.target import Target, load_target

ATTENTION, FFN = "attention", "FFN"

_VIEWS = ("Reshape", "Squeeze", "Unsqueeze")


def model_bytes(graph: Graph, element_bytes: int = 2) -> int:
    """Traffic if every op reads its operands from DDR and writes its results there, once.

    Views are free, and a slice reads what it cuts.
    """
    elements = 0
    for op in graph:
        results = graph.output_types(op)
        sources = results if op.kind == "Slice" else graph.input_types(op)
        still = isinstance(op.attrs, Permute) and not op.attrs.moves_data(sources[0].shape)
        if op.kind not in _VIEWS and not still:
            elements += sum(type_.elements for type_ in (*sources, *results))
    return elements * element_bytes


@dataclass(frozen=True, slots=True)
class PartTime:
    """Time of one sort of layer.

    Attributes
    ----------
    cycles : int
        All of it.
    zero_mac_cycles : int
        In ops without a multiply-accumulate: norms, softmax, activations, additions, copies.
    """

    cycles: int
    zero_mac_cycles: int

    @property
    def zero_mac_share(self) -> float:
        """Share of the time in ops without a multiply-accumulate."""
        return self.zero_mac_cycles / self.cycles


def part_times(run: Result) -> dict[str, PartTime]:
    """Time of all attention layers and of all FFN layers of a transformer that runs op by op.

    A layer includes its norm and its residual addition: in each block, what comes before the
    first op of the FFN belongs to attention.
    """
    sums = {ATTENTION: [0, 0], FFN: [0, 0]}
    in_ffn: set[str] = set()
    for op, cycles in _op_cycles(run):
        block = _block(run.graph, op.name)
        if block is None:
            continue
        if "/mlp/" in op.name:
            in_ffn.add(block)
        part = sums[FFN if block in in_ffn else ATTENTION]
        part[0] += cycles
        part[1] += 0 if _macs(run, op) else cycles
    return {name: PartTime(*part) for name, part in sums.items()}


def _block(graph: Graph, name: str) -> str | None:
    """The transformer block an op is in, by its name; None outside of all."""
    block = name.partition("/")[0]
    inside = graph.has_op(f"{block}/mlp/norm") or graph.has_op(f"{block}/mlp/norm2")
    return block if inside else None


def zero_mac_share(run: Result) -> float:
    """Share of the whole time in ops without a multiply-accumulate; no layer groups."""
    return sum(cycles for op, cycles in _op_cycles(run) if not _macs(run, op)) / run.cycles


def kind_share(run: Result, kinds: Collection[str]) -> float:
    """Share of the whole time in ops of some kinds; no layer groups."""
    return sum(cycles for op, cycles in _op_cycles(run) if op.kind in kinds) / run.cycles


def _op_cycles(run: Result) -> Iterator[tuple[Op, int]]:
    """Every op and its time, of a network that runs op by op."""
    for section, cycles in zip(run.plan.sections, run.section_cycles, strict=True):
        if len(section.ops) != 1:
            raise ValueError("times of single ops need a plan without layer groups")
        yield run.graph.op(section.ops[0]), int(cycles)


def _macs(run: Result, op: Op) -> int:
    return op.attrs.macs(run.graph.input_types(op), run.graph.output_types(op))


def bandwidth(target: Target, factor: float) -> dict[str, str]:
    """Overrides for the same chip behind another DDR; all directions scale alike."""
    gdma = target.gdma
    return {
        "gdma.load_gbps": f"{gdma.load_gbps * factor:g}",
        "gdma.store_gbps": f"{gdma.store_gbps * factor:g}",
        "gdma.move_gbps": f"{gdma.move_gbps * factor:g}",
        "gmem.peak_gbps": f"{target.gmem.peak_gbps * factor:g}",
    }


def peak(target: Target, factor: float) -> dict[str, str]:
    """Overrides for a chip with a faster clock in front of the same DDR."""
    return {"clock.mhz": f"{target.clock.mhz * factor:g}"}


def elasticity(lab: Lab, net: str, change: Literal["bandwidth", "peak"]) -> float:
    """Percent by which latency falls per percent of bandwidth or peak, from half to twice as much.

    Bandwidth is that of the DDR in all directions, peak the clock of both engines.
    """
    target = load_target(lab.target)
    scaled = {"bandwidth": bandwidth, "peak": peak}[change]
    slow, fast = (lab.run(net, overrides=scaled(target, factor)).latency_ms for factor in (0.5, 2))
    return log(slow / fast) / log(4)


def rank_correlation(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Spearman's coefficient; equal values share their rank."""
    return float(np.corrcoef(_ranks(xs), _ranks(ys))[0, 1])


def _ranks(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) - 1) / 2 for value in values]


def growths(values: Mapping[int, float]) -> dict[str, float]:
    """Factor from each value to the next, by name of the step."""
    steps = list(values.items())
    return {f"{a} to {b}": y / x for (a, x), (b, y) in pairwise(steps)}


def longest_path(graph: Graph) -> int:
    """Ops on the longest way from an input to an output; views do not count."""
    depth: dict[str, int] = {}
    for op in graph:
        before = max((depth.get(name, 0) for name in op.inputs), default=0)
        for name in op.outputs:
            depth[name] = before + (op.kind not in _VIEWS)
    return max(depth.values())
