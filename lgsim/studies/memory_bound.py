"""What makes a ViT memory-bound, experiments 15, 16 and 20 (EfficientViT's analysis)."""

from __future__ import annotations

from lgsim.studies.checks import at_most, order
from lgsim.studies.experiment import Finding, experiment
from lgsim.studies.lab import Lab, Result
from lgsim.studies.measures import (
    ATTENTION,
    FFN,
    elasticity,
    kind_share,
    part_times,
    zero_mac_share,
)
from lgsim.studies.networks import swin_with_fewer_attentions
from lgsim.studies.swin_attention import BEFORE

STUDY = "memory-bound"
PAPER = "EfficientViT"

OP_BY_OP = (
    "FP16, op by op (strategy none) with the permutes of the exported graph, as the frameworks run"
    " it that the paper profiles."
)


@experiment(
    15,
    study=STUDY,
    kind="D",
    claim="Attention spends a larger share of its time in memory-bound ops than the FFN",
    source=PAPER,
)
def memory_bound_share(lab: Lab) -> Finding:
    """Share of time in ops without MACs, of attention and of the FFN."""
    nets = ("swin_t", "deit_tiny", "deit_small")
    exported = {name: _shares(lab.run(name, strategy="none", disable=BEFORE)) for name in nets}
    compiled = {name: _shares(lab.run(name, strategy="none")) for name in nets}
    listed = ", ".join(f"{p[ATTENTION]:.0%} against {p[FFN]:.0%}" for p in compiled.values())
    return Finding(
        tuple(order(name, pair, "{:.0%}") for name, pair in exported.items()),
        note=(
            f"{OP_BY_OP} The source's bytes: 66/59/55 % against 37/42/34 %. With all rewrites on"
            f" the order turns round ({listed}): attention has lost its permutes, while the FFN"
            " keeps a GELU that this chip computes in FP32 between two casts."
        ),
        data={"shares": exported, "compiled": compiled},
    )


def _shares(run: Result) -> dict[str, float]:
    parts = part_times(run)
    return {part: parts[part].zero_mac_share for part in (FFN, ATTENTION)}


@experiment(
    16,
    study=STUDY,
    kind="D",
    claim="Fewer attention layers (20 to 40 % instead of 50 %) cut the memory-bound time",
    source=PAPER,
)
def fewer_attentions(lab: Lab) -> Finding:
    """Swin-T of 24 layers with 12, 10, 7 and 5 of them attention."""
    shares, times, compiled, gelu = {}, {}, {}, {}
    for attentions in (5, 7, 10, 12):
        net = swin_with_fewer_attentions(lab.script("swin"), attentions)
        run = lab.run(net, strategy="none", disable=BEFORE)
        label = f"{attentions / 24:.0%} attention"
        shares[label] = zero_mac_share(run)
        times[label] = run.latency_ms
        gelu[label] = kind_share(run, ("Active", "Cast"))
        compiled[label] = lab.run(net, strategy="none").latency_ms
    return Finding(
        (
            order("time in zero-MAC ops", shares, "{:.1%}"),
            order("ms", times),
        ),
        reason=(
            f"The share hardly moves since GELU with its casts takes {gelu['21% attention']:.0%} of"
            f" the time with 21 % attention and {gelu['50% attention']:.0%} with 50 %."
        ),
        note=(
            f"{OP_BY_OP} The source's bytes fall from 54.7 to 45.2 %. With all rewrites on it takes"
            f" {compiled['50% attention']:.2f} ms with 50 % attention and"
            f" {compiled['21% attention']:.2f} ms with 21 %. Accuracy is not simulated."
        ),
        data={"shares": shares, "latency_ms": times, "compiled_ms": compiled},
    )


TRANSFORMERS, CONVOLUTIONS = ("efficientvit_m4", "swin_t"), "resnet50"


@experiment(
    20,
    study=STUDY,
    kind="D",
    claim="The speed of a ViT is bound by memory access rather than by arithmetic",
    source=PAPER,
)
def sensitivity(lab: Lab) -> Finding:
    """Elasticity of latency to the DDR's bandwidth and to the engines' clock."""
    values = {
        name: {change: elasticity(lab, name, change) for change in ("peak", "bandwidth")}
        for name in (*TRANSFORMERS, CONVOLUTIONS)
    }
    by_bandwidth = [values[name]["bandwidth"] for name in TRANSFORMERS]
    convolutions = lab.run(CONVOLUTIONS)
    return Finding(
        (
            *(order(name, values[name]) for name in TRANSFORMERS),
            at_most(
                f"{CONVOLUTIONS}: bandwidth",
                values[CONVOLUTIONS]["bandwidth"],
                min(by_bandwidth),
            ),
        ),
        reason=(
            f"Both hold for transformers, but ResNet-50 waits for memory too: at batch 1 it loads"
            f" {convolutions.load_bytes / 1e6:.0f} MB, most of it weights, for"
            f" {convolutions.macs / 1e9:.1f} G MACs, and keeps the GDMA busy"
            f" {convolutions.gdma_busy_cycles / convolutions.cycles:.0%} of the time."
        ),
        note="Percent of latency per percent, from half to twice as much; peak is the clock of"
        " both engines.",
        data={"elasticity": values},
    )
