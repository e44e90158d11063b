"""What relative position costs (iRPE), experiments 28 to 33."""

from __future__ import annotations

from lgsim.graph import Graph
from lgsim.studies.checks import at_least, between, equal, near, order
from lgsim.studies.experiment import Finding, experiment
from lgsim.studies.lab import Lab, Result
from lgsim.studies.measures import growths

STUDY = "relative-position"
REPORT = "iRPE (issue on its repository)"
PAPER = "iRPE"

STREAMING = {"gdma.min_row_bytes": "2"}
"""A GDMA that takes no longer for many short rows than for one long one."""

SIDES = (8, 16, 32)
"""Tokens along a side of the image: 64, 256 and 1024 in all."""

_INFERRED = (
    "How long a look-up takes is inferred: each element is charged as a row of 256 bytes, as the"
    " GDMA's other short rows are; no record has one."
)
_NOTE = f"One layer of 8 heads of 32 features, no class token, FP16. {_INFERRED}"


def tokens_net(lab: Lab, side: int, rpe: str, pool: int = 1) -> Graph:
    """A small DeiT on `side` x `side` tokens."""
    return lab.net(
        "deit_small",
        dim=256,
        heads=8,
        depth=1,
        image=16 * side,
        class_token=False,
        rpe=rpe,
        pool=pool,
    )


def rpe_ms(run: Result, kinds: frozenset[str] = frozenset()) -> float:
    """Time of the ops of relative position, of all or of some kinds; no layer groups."""
    cycles = 0
    for section, time in zip(run.plan.sections, run.section_cycles, strict=True):
        op = run.graph.op(section.ops[0])
        if "/rpe_" in op.name and (not kinds or op.kind in kinds):
            cycles += int(time)
    return cycles / (run.clock_mhz * 1e3)


@experiment(
    28,
    study=STUDY,
    kind="R",
    claim="The cost of relative position grows with the square of the tokens",
    source=REPORT,
)
def growth(lab: Lab) -> Finding:
    """Time of the ops of RPE on queries and keys at three resolutions."""
    times = {
        side * side: rpe_ms(lab.run(tokens_net(lab, side, "qk"), strategy="none")) for side in SIDES
    }
    return Finding(
        tuple(
            between(f"{step} tokens", factor, 10.0, 22.0, "{:.1f}x")
            for step, factor in growths(times).items()
        ),
        note=f"{_NOTE} The report: 12.8x and 15.8x (PyTorch), 1.8x and 21.7x (CUDA), training.",
        data={"rpe_ms": times},
    )


def _variant(lab: Lab, rpe: str, strategy: str | None = None) -> Result:
    """DeiT-S with a kind of relative position."""
    net = lab.net("deit_small", rpe=rpe)
    return lab.run(net) if strategy is None else lab.run(net, strategy=strategy)


def _extra_macs_m(net: Graph, plain: Graph) -> int:
    """Millions of MACs over the plain network, with one operation per looked-up element."""
    looked_up = sum(
        net.tensor(op.outputs[0]).type.elements
        for op in net
        if op.kind == "Gather" and "/rpe_" in op.name
    )
    return round((net.macs() + looked_up - plain.macs()) / 1e6)


@experiment(
    29,
    study=STUDY,
    kind="E/D",
    claim="Relative position on queries and keys is cheap; on values it is the bottleneck",
    source=f"{REPORT}, {PAPER}",
)
def by_part(lab: Lab) -> Finding:
    """MACs, bytes and time that each part adds to DeiT-S."""
    plain = lab.net("deit_small")
    kinds = ("k", "q", "qk", "v", "qkv")
    added = [_extra_macs_m(lab.net("deit_small", rpe=kind), plain) for kind in kinds]
    base = _variant(lab, "none")
    times = {kind: _variant(lab, kind).latency_ms - base.latency_ms for kind in ("k", "q", "v")}
    loads = (_variant(lab, "v").load_bytes - base.load_bytes) / 1e6
    return Finding(
        (
            equal("M MACs over plain", ", ".join(map(str, added)), "48, 48, 96, 179, 275"),
            near("ms added by Q, as by K", times["q"], times["k"], 0.25, "{:.1f}"),
            order("", {"K": times["k"], "V": times["v"]}, "{:.1f}"),
            at_least("MB more to load for V", loads, 59.6, "{:.1f}"),
        ),
        reason=_why_lookups_are_slow(lab),
        note="DeiT-S at 197 tokens, K/Q/QK/V/QKV, FP16; V as one constant per pair of tokens."
        f" {_INFERRED}",
        data={"added_ms": times},
    )


def _why_lookups_are_slow(lab: Lab) -> str:
    gather = rpe_ms(_variant(lab, "k", "none"), frozenset({"Gather"}))
    base, k, v = (_streaming_ms(lab, kind) for kind in ("none", "k", "v"))
    return (
        f"For K, {gather:.1f} ms go into looking up single elements. If short rows cost no more"
        f" than their bytes, K would add {k - base:.1f} ms and V {v - base:.1f}."
    )


def _streaming_ms(lab: Lab, rpe: str) -> float:
    return lab.run(lab.net("deit_small", rpe=rpe), overrides=STREAMING).latency_ms


@experiment(
    30,
    study=STUDY,
    kind="R",
    claim="Pooling to a quarter of the tokens makes relative position affordable",
    source=REPORT,
)
def pooling(lab: Lab) -> Finding:
    """Attention on pooled tokens against attention on all."""
    shrunk, gains = {}, {}
    for side in SIDES[1:]:
        full, small = (
            lab.run(tokens_net(lab, side, "qk", pool), strategy="none") for pool in (1, 2)
        )
        shrunk[side * side] = rpe_ms(full) / rpe_ms(small)
        whole, pooled = (lab.run(tokens_net(lab, side, "qk", pool)) for pool in (1, 2))
        gains[f"{side * side} tokens"] = whole.cycles / pooled.cycles
    return Finding(
        (
            between(
                "time of RPE at 1024 tokens, by a factor of", shrunk[1024], 12.0, 22.0, "{:.1f}"
            ),
            order("network faster", gains, "{:.1f}x"),
        ),
        note=f"{_NOTE} Averages of 2x2 tokens before attention, each result repeated after it.",
        data={"rpe_factor": shrunk, "network_factor": gains},
    )


@experiment(
    31,
    study=STUDY,
    kind="D",
    claim="A dedicated engine for look-ups wins more with many tokens",
    source=REPORT,
)
def lookup_engine(lab: Lab) -> Finding:
    """Time of RPE with look-ups element by element, and streaming."""
    ratios = {}
    for side in SIDES:
        net = tokens_net(lab, side, "qk")
        slow, fast = (
            rpe_ms(lab.run(net, strategy="none", overrides=overrides))
            for overrides in ({}, STREAMING)
        )
        ratios[side * side] = slow / fast
    return Finding(
        (
            at_least("slow/fast, least", min(ratios.values()), 2.0, "{:.1f}"),
            order(
                "slow/fast",
                {f"{tokens}": ratio for tokens, ratio in ratios.items()},
                "{:.1f}",
                strict=False,
                slack=0.1,
            ),
        ),
        note=f"{_NOTE} Streaming: gdma.min_row_bytes=2. The report: 2.1, 15.2, 11.0 in training.",
        data={"ratio": ratios},
    )


@experiment(
    32,
    study=STUDY,
    kind="D",
    claim="Choose Q and K, not V; a bias per head is cheapest",
    source=f"{REPORT}, {PAPER}",
)
def advice(lab: Lab) -> Finding:
    """Latency of DeiT-S with each kind, and the bias without split constants."""
    kinds = {"none": "none", "bias": "bias", "K": "k", "QK": "qk", "QKV": "qkv"}
    values = {name: _variant(lab, kind).latency_ms for name, kind in kinds.items()}
    whole = lab.run(lab.net("deit_small", rpe="bias"), disable={"weight_split"}).latency_ms
    return Finding(
        (
            order("ms", values, strict=False),
            order("bias, ms", {"weight_split": values["bias"], "without": whole}),
        ),
        note="DeiT-S, FP16; without weight_split the Add of the bias stands outside every group."
        f" {_INFERRED}",
        data={"latency_ms": values, "bias_without_weight_split_ms": whole},
    )


@experiment(
    33,
    study=STUDY,
    kind="D",
    claim="A look-up breaks the layer group of attention",
    source="derived from iRPE",
)
def cuts(lab: Lab) -> Finding:
    """Sections of DeiT-S per layer without look-ups, with one and with two."""
    values = {
        name: len(_variant(lab, kind).plan.sections) / 12
        for name, kind in (("bias", "bias"), ("K", "k"), ("QK", "qk"))
    }
    return Finding(
        (
            at_least("sections per layer that one look-up adds", values["K"] - values["bias"], 1.0),
            order("sections per layer", values),
        ),
        note="A bias is looked up offline, as if look-ups could be local; DeiT-S, FP16.",
        data={"sections_per_layer": values},
    )
