"""Swin-T on the BM1684X, experiments 6, 7, 11, 13 and 14: what comes into one layer group."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from lgsim.graph import Graph
from lgsim.graph.builder import GraphBuilder
from lgsim.rewrites import apply_rewrites
from lgsim.studies.checks import at_least, at_most, equal, order
from lgsim.studies.experiment import Finding, experiment
from lgsim.studies.lab import Lab, Result
from lgsim.studies.measures import model_bytes
from lgsim.studies.swin_attention import (
    AFTER,
    AS_MOVES,
    BEFORE,
    CORE_REWRITES,
    FIXES,
    Core,
    cores,
)
from lgsim.studies.swin_graph import ARTICLE, STUDY

_SWITCHES: dict[str, frozenset[str]] = {
    "rewrite": CORE_REWRITES,
    **{name: frozenset({name}) for name in FIXES},
}


@experiment(
    6,
    study=STUDY,
    kind="D",
    claim="Without the rewrite the local fixes do not group attention; each fix only helps",
    source=ARTICLE,
)
def all_switches(lab: Lab) -> Finding:
    """Swin-T with every combination of the rewrite and the three fixes."""
    latencies: dict[frozenset[str], float] = {}
    alone_without_rewrite, slower = True, 0.0
    for bits in product((False, True), repeat=len(_SWITCHES)):
        on = frozenset(name for name, bit in zip(_SWITCHES, bits, strict=True) if bit)
        off = frozenset().union(*(_SWITCHES[name] for name in _SWITCHES if name not in on))
        run = lab.run("swin_t", disable=off | AFTER)
        latencies[on] = run.latency_ms
        if "rewrite" not in on:
            alone_without_rewrite &= all(
                {"Slice", "Squeeze"} <= core.kinds_alone for core in cores(run.graph, run.plan)
            )
    for on, latency in latencies.items():
        for name in on:
            slower = max(slower, latency / latencies[on - {name}] - 1)
    everything = frozenset(_SWITCHES)
    return Finding(
        (
            equal("slices and squeezes global without the rewrite", alone_without_rewrite, True),
            at_most("slowdown by switching anything on", slower, 0.0, "{:.2%}"),
            order(
                "ms",
                {
                    "all on": latencies[everything],
                    "only the rewrite": latencies[frozenset({"rewrite"})],
                    "only the fixes": latencies[everything - {"rewrite"}],
                    "all off": latencies[frozenset()],
                },
            ),
        ),
        reason=_slowest_addition(latencies),
        note="All 16 combinations.",
        data={"latency_ms": {" + ".join(sorted(on)): ms for on, ms in latencies.items()}},
    )


def _slowest_addition(latencies: dict[frozenset[str], float]) -> str:
    """The switch that costs most when it is switched on, and where."""
    worst, name, on = max(
        (latency - latencies[on - {name}], name, sorted(on - {name}))
        for on, latency in latencies.items()
        for name in on
    )
    return f"Switching {name} on beside {', '.join(on) or 'nothing'} costs {worst * 1e3:.1f} µs."


@experiment(
    7,
    study=STUDY,
    kind="E",
    claim="The Add of a constant cuts attention in two until constants may be split",
    source=ARTICLE,
)
def weight_split(lab: Lab) -> Finding:
    """Layer groups per attention core with `weight_split` off and on."""
    off = lab.run("swin_t", disable=AFTER | {"weight_split"})
    on = lab.run("swin_t", disable=AFTER)
    cut, whole = cores(off.graph, off.plan), cores(on.graph, on.plan)
    return Finding(
        (
            at_least("off: groups per core", min(core.groups for core in cut), 2, "{}"),
            equal("ops outside", _alone(cut), "Add"),
            equal("on: sections per core", max(len(core.sections) for core in whole), 1),
            equal("ops outside", _alone(whole), "none"),
        ),
        note="The least and the most of the 12 attention cores.",
        data={"off_ms": off.latency_ms, "on_ms": on.latency_ms},
    )


def _alone(found: Sequence[Core]) -> str:
    return ", ".join(sorted(frozenset().union(*(core.kinds_alone for core in found)))) or "none"


@experiment(
    11,
    study=STUDY,
    kind="E/D",
    claim="Permutes add transfers and hinder grouping",
    source=ARTICLE,
)
def traffic(lab: Lab) -> Finding:
    """Bytes, groups and the largest group before and after."""
    before, after = lab.run("swin_t", disable=BEFORE), lab.run("swin_t", disable=AFTER)
    saved = _model_mb(lab, BEFORE) - _model_mb(lab, AFTER)
    return Finding(
        (
            equal("saved by the rewrite alone, op by op,", saved, 28.6, "{:.1f} MB"),
            order(
                "DDR traffic in MB",
                {"after": after.gmem_bytes / 1e6, "before": before.gmem_bytes / 1e6},
                "{:.1f}",
            ),
            at_most("after", after.gmem_bytes / 1e6, 194.2, "{:.1f} MB"),
            order(
                "sections",
                {"after": len(after.plan.sections), "before": len(before.plan.sections)},
                "{}",
            ),
            order(
                "ops in the largest group",
                {"before": _largest(before), "after": _largest(after)},
                "{}",
            ),
        ),
        note="The source's arithmetic: 276.1 to 247.5 MB op by op, 194.2 MB with every core fused.",
    )


def _model_mb(lab: Lab, disable: frozenset[str]) -> float:
    graph: Graph = lab.net("swin_t").copy()
    apply_rewrites(graph, "f16", disable | AS_MOVES)
    return model_bytes(graph) / 1e6


def _largest(run: Result) -> int:
    return max(len(section.ops) for section in run.plan.sections if section.kind == "group")


_IDEAL_GBPS = "68.3"

IDEAL_DDR = {
    **{f"gdma.{way}_gbps": _IDEAL_GBPS for way in ("load", "store", "move")},
    "gmem.peak_gbps": _IDEAL_GBPS,
    "timing.cmodel.tensor_bandwidth_factor": "1",
}
"""The DDR the source's bound assumes: 68.3 GB/s both ways, none of it lost."""


@experiment(
    13,
    study=STUDY,
    kind="E",
    claim="The rewrite alone cannot reach the 3.522 ms of the article; layer groups are needed",
    source="derived from the article",
)
def groups_are_needed(lab: Lab) -> Finding:
    """The rewritten network without and with layer groups, on an ideal DDR of 68.3 GB/s."""
    alone = lab.run("swin_t", disable=AFTER, strategy="none", overrides=IDEAL_DDR)
    grouped = lab.run("swin_t", disable=AFTER, overrides=IDEAL_DDR)
    return Finding(
        (
            at_least("every op alone", alone.latency_ms, 3.62, "{:.2f} ms"),
            at_most("in groups", grouped.latency_ms, 3.522, "{:.2f} ms"),
        ),
        note="3.62 ms is what 247.5 MB take at 68.3 GB/s and full efficiency.",
    )


@experiment(
    14,
    study=STUDY,
    kind="E",
    claim="Inside a layer group intermediate tensors are never stored or loaded",
    source=ARTICLE,
)
def chain_traffic(lab: Lab) -> Finding:
    """A chain of element-wise ops alone and as a group."""
    length, shape = 6, (1, 64, 56, 56)
    b = GraphBuilder("chain")
    x = b.input("input", shape)
    tensor_bytes = 2 * x.type.elements
    for _ in range(length):
        x = b.mul(x, 0.5)
    b.output(x)
    graph = b.build()
    alone = lab.run(graph, strategy="none", io_dtype="f16")
    grouped = lab.run(graph, io_dtype="f16")
    return Finding(
        (
            equal("alone", alone.gmem_bytes, 2 * length * tensor_bytes, "{:,} bytes"),
            equal("in one group", grouped.gmem_bytes, 2 * tensor_bytes, "{:,} bytes"),
        ),
        note=f"{length} ops on a tensor of {tensor_bytes:,} bytes.",
    )
