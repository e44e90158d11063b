"""TRT-ViT's design rules on another chip, experiments 24 to 26: blocks that mix both kinds."""

from __future__ import annotations

from lgsim.studies.checks import equal, near, order
from lgsim.studies.design_rules import BATCH, PAPER, STUDY, block_run
from lgsim.studies.experiment import Finding, experiment
from lgsim.studies.lab import Lab

_LAST = "7x7"
_NOTE = "Blocks of 2048 channels on 7x7, FP16, reconstructed."


@experiment(
    24,
    study=STUDY,
    kind="H",
    claim="A block that mixes transformer and bottleneck beats a transformer (G3)",
    source=PAPER,
)
def mixed_block(lab: Lab) -> Finding:
    """Latency and both densities of the mixed blocks and of a transformer."""
    mixed = {kind: block_run(lab, kind, _LAST) for kind in ("MixBlockA", "MixBlockB", "MixBlockC")}
    plain = block_run(lab, "transformer", _LAST)
    slowest = max(mixed.values(), key=lambda run: run.cycles)
    densest = max(mixed.values(), key=lambda run: run.teraflops)
    richest = max(mixed.values(), key=lambda run: run.teraparams)
    return Finding(
        (
            order("ms", {"mixed (slowest)": slowest.latency_ms, "transformer": plain.latency_ms}),
            order(
                "TeraFLOPS",
                {"transformer": plain.teraflops, "mixed (densest)": densest.teraflops},
            ),
            order(
                "TeraParams",
                {"transformer": plain.teraparams, "mixed (densest)": richest.teraparams},
                "{:.4f}",
            ),
        ),
        reason=(
            "The blocks are faster because they are smaller"
            f" ({slowest.macs / plain.macs:.0%} of the MACs); their density only reaches the"
            " transformer's."
        ),
        note=f"{_NOTE} Batch {BATCH}.",
        data={
            "teraflops": {kind: run.teraflops for kind, run in mixed.items()},
            "teraparams": {kind: run.teraparams for kind, run in mixed.items()},
            "latency_ms": {kind: run.latency_ms for kind, run in mixed.items()},
        },
    )


@experiment(
    25,
    study=STUDY,
    kind="E/D",
    claim="Inside a block the order of transformer and bottleneck does not matter (G4)",
    source=PAPER,
)
def block_order(lab: Lab) -> Finding:
    """Bottleneck first (B) against transformer first (C)."""
    first, second = (block_run(lab, kind, _LAST) for kind in ("MixBlockB", "MixBlockC"))
    return Finding(
        (
            equal("MACs of B", first.macs, second.macs, "{:,}"),
            equal("parameters of B", first.params, second.params, "{:,}"),
            near("ms of B", first.latency_ms, second.latency_ms, 0.05, "{:.3f}"),
        ),
        note=f"{_NOTE} Batch {BATCH}; expected is what C takes.",
    )


@experiment(
    26,
    study=STUDY,
    kind="D",
    claim="The shrink ratio R of a mixed block trades size against speed",
    source=PAPER,
)
def shrink_ratio(lab: Lab) -> Finding:
    """Parameters, MACs and latency of MixBlockC with R of 1/4, 1/2 and 3/4."""
    runs = {
        ratio: block_run(lab, "MixBlockC", _LAST, batch=1, shrink=ratio)
        for ratio in (0.25, 0.5, 0.75)
    }
    return Finding(
        (
            equal(
                "M parameters",
                ", ".join(f"{run.params / 1e6:.1f}" for run in runs.values()),
                "7.0, 13.7, 27.8",
            ),
            equal(
                "M MACs",
                ", ".join(f"{run.macs / 1e6:.0f}" for run in runs.values()),
                "344, 676, 1370",
            ),
            order("ms", {f"R={ratio}": run.latency_ms for ratio, run in runs.items()}),
        ),
        note=f"{_NOTE} Batch 1.",
        data={"latency_ms": {str(ratio): run.latency_ms for ratio, run in runs.items()}},
    )
