"""TRT-ViT's design rules on another chip, experiments 21 to 23: which blocks in which stage."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from lgsim.graph import Graph
from lgsim.graph.builder import GraphBuilder
from lgsim.studies.checks import Check, at_most, order
from lgsim.studies.experiment import Finding, experiment
from lgsim.studies.lab import Lab, Result

STUDY = "design-rules"
PAPER = "TRT-ViT"

STAGES: dict[str, tuple[int, int]] = {
    "56x56": (256, 56),
    "28x28": (512, 28),
    "14x14": (1024, 14),
    "7x7": (2048, 7),
}
"""Channels and side of the image in each stage."""

BLOCKS = {
    "bottleneck": "C",
    "transformer": "T",
    "MixBlockA": "A",
    "MixBlockB": "B",
    "MixBlockC": "M",
}
"""Kinds of blocks and their letters in the zoo's script."""

BATCH = 8  # the paper measures at batch 8

_NOTE = "Reconstructed networks, FP16, batch 8 as in the paper (there: TensorRT on a T4)."


def block_run(lab: Lab, kind: str, stage: str, batch: int = BATCH, shrink: float = 0.5) -> Result:
    """A single block between DDR and DDR."""
    return lab.run(_block_net(lab, kind, stage, batch, shrink), io_dtype="f16")


@cache
def _block_net(lab: Lab, kind: str, stage: str, batch: int, shrink: float) -> Graph:
    width, side = STAGES[stage]
    b = GraphBuilder(f"{kind}_{stage}_b{batch}")
    x = b.input("input", (batch, width, side, side))
    with b.scope("block"):
        b.output(lab.script("trt_vit").block(b, x, BLOCKS[kind], width, 1, shrink))
    return b.build()


@experiment(
    21,
    study=STUDY,
    kind="D",
    claim="Transformers compute inefficiently on large inputs and catch up on small ones (G1)",
    source=PAPER,
)
def density(lab: Lab) -> Finding:
    """Computing density of a transformer block relative to a bottleneck, per stage."""
    table = {
        batch: {
            kind: {stage: block_run(lab, kind, stage, batch).teraflops for stage in STAGES}
            for kind in ("bottleneck", "transformer")
        }
        for batch in (1, BATCH)
    }
    ratios = {
        batch: {stage: rows["transformer"][stage] / rows["bottleneck"][stage] for stage in STAGES}
        for batch, rows in table.items()
    }
    return Finding(
        tuple(order(f"batch {batch}", values) for batch, values in ratios.items()),
        reason=(
            "Layer groups keep the scores of attention in local memory, which helps most where they"
            f" are largest: op by op the ratios are {_listed(_ratios_alone(lab))} at batch {BATCH}."
        ),
        note="TeraFLOPS of a transformer block in units of a bottleneck's. The source's bound:"
        " 0.46, 0.58, 0.95, 1.02.",
        data={"teraflops": table, "ratio": ratios},
    )


def _ratios_alone(lab: Lab) -> list[float]:
    """Density of a transformer relative to a bottleneck, per stage, without layer groups."""
    runs = (
        [_alone(lab, kind, stage) for kind in ("transformer", "bottleneck")] for stage in STAGES
    )
    return [transformer.teraflops / bottleneck.teraflops for transformer, bottleneck in runs]


def _alone(lab: Lab, kind: str, stage: str) -> Result:
    return lab.run(_block_net(lab, kind, stage, BATCH, 0.5), io_dtype="f16", strategy="none")


def _listed(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


PLACES = ("TCCC", "CTCC", "CCTC", "CCCT")
"""Stages of transformers (T) and of bottlenecks (C)."""


def _network(lab: Lab, stages: str, depths: tuple[int, ...]) -> Result:
    return lab.run("mixnet_v_like", stages=stages, depths=depths, batch=BATCH)


@experiment(
    22,
    study=STUDY,
    kind="D",
    claim="Transformers belong in the last stage: per MAC nothing is faster (G1)",
    source=PAPER,
)
def placement(lab: Lab) -> Finding:
    """A ResNet with the bottlenecks of one stage replaced by transformers."""
    runs = {stages: _network(lab, stages, (1, 1, 1, 1)) for stages in PLACES}
    values = {letters: run.teraflops for letters, run in runs.items()}
    return Finding(
        (order("TeraFLOPS", values),),
        reason=_late_stage(lab),
        note=f"{_NOTE} One block per stage; T marks the stage of transformers.",
        data={
            "teraflops": values,
            "latency_ms": {letters: run.latency_ms for letters, run in runs.items()},
        },
    )


def _late_stage(lab: Lab) -> str:
    """Densities of both blocks in the last two stages."""
    early, late = (
        {kind: block_run(lab, kind, stage).teraflops for kind in ("transformer", "bottleneck")}
        for stage in ("14x14", "7x7")
    )
    return (
        f"From 14x14 to 7x7 a transformer goes from {early['transformer']:.1f} to"
        f" {late['transformer']:.1f} TeraFLOPS and a bottleneck from {early['bottleneck']:.1f} to"
        f" {late['bottleneck']:.1f}: in the last stage both wait for their weights."
    )


@experiment(
    23,
    study=STUDY,
    kind="D",
    claim="Parameters are cheap in late stages: build shallow early, deep late (G2)",
    source=PAPER,
)
def parameter_density(lab: Lab) -> Finding:
    """TeraParams per stage, and a network with one more block in its last stage."""
    table = {
        kind: {stage: block_run(lab, kind, stage).teraparams for stage in STAGES}
        for kind in ("bottleneck", "transformer")
    }
    base, deeper = (_network(lab, "CCCT", depths) for depths in ((1, 1, 1, 1), (1, 1, 1, 2)))
    return Finding(
        (
            *(order(f"TeraParams of {kind}s", values, "{:.4f}") for kind, values in table.items()),
            _cheaper("another block in the last stage", base, deeper),
        ),
        note=_NOTE,
        data={"teraparams": table},
    )


def _cheaper(what: str, base: Result, other: Result) -> Check:
    """Whether latency grows by a smaller share than parameters do."""
    more_params = other.params / base.params - 1
    more_time = other.cycles / base.cycles - 1
    check = at_most("time", more_time, more_params, "{:+.1%}")
    return Check(
        f"{what}: parameters {more_params:+.1%}, {check.measured}",
        f"{what}: time grows less than parameters",
        check.holds,
    )
