"""Swin-T on the BM1684X, experiments 8, 9, 10 and 12: how long it takes before and after."""

from __future__ import annotations

from lgsim.studies.checks import at_least, between, near, order
from lgsim.studies.experiment import Finding, experiment
from lgsim.studies.lab import Lab, Result
from lgsim.studies.swin_attention import AFTER, BEFORE
from lgsim.studies.swin_graph import ARTICLE, STUDY

BOARD_MS = {"f16": (7.411, 3.522), "int8": (5.505, 2.228)}
"""Measured on a board by the article: before and after, per precision; FP32 took 41.890."""

PRECISIONS = ("int8", "f16", "f32")


def _pair(lab: Lab, precision: str) -> tuple[Result, Result]:
    """Swin-T before and after the article's work."""
    return (
        lab.run("swin_t", precision=precision, disable=BEFORE),
        lab.run("swin_t", precision=precision, disable=AFTER),
    )


@experiment(
    8,
    study=STUDY,
    kind="R",
    claim="In FP16 the work makes Swin-T 2.10 times as fast (7.411 to 3.522 ms)",
    source=ARTICLE,
)
def f16_gain(lab: Lab) -> Finding:
    """The ratio, and the latency after when the latency before calibrates the clock."""
    return _gain(lab, "f16", 1.7, 2.5)


@experiment(
    9,
    study=STUDY,
    kind="R",
    claim="In INT8 the work makes Swin-T 2.47 times as fast, more than in FP16",
    source=ARTICLE,
)
def int8_gain(lab: Lab) -> Finding:
    """As in FP16, and the order of both ratios."""
    finding = _gain(lab, "int8", 1.9, 3.0)
    ratios = {}
    for precision in ("f16", "int8"):
        before, after = _pair(lab, precision)
        ratios[f"gain {precision}"] = before.cycles / after.cycles
    return Finding((*finding.checks, order("gains", ratios)), finding.reason, finding.note)


def _gain(lab: Lab, precision: str, low: float, high: float) -> Finding:
    before, after = _pair(lab, precision)
    board_before, board_after = BOARD_MS[precision]
    scale = BOARD_MS["f16"][0] / _pair(lab, "f16")[0].latency_ms
    held_out = [near("ms after", after.latency_ms * scale, board_after, 0.25)]
    if precision != "f16":
        held_out.append(near("before", before.latency_ms * scale, board_before, 0.25))
    return Finding(
        (between("ratio", before.cycles / after.cycles, low, high), *held_out),
        reason=_permute_time(before),
        note=(
            f"Simulated: {before.latency_ms:.2f} ms before, {after.latency_ms:.2f} ms after. The"
            f" milliseconds are these times {scale:.2f}, so that FP16 before is the board's."
        ),
    )


def _permute_time(before: Result) -> str:
    """What the permutes of attention cost before the work."""
    permutes = [
        cycles
        for section, cycles in zip(before.plan.sections, before.section_cycles, strict=True)
        if section.kind == "global"
        and before.graph.op(section.ops[0]).kind == "Permute"
        and "/attn/" in section.ops[0]
    ]
    cost_ms = sum(permutes) / (before.clock_mhz * 1e3)
    return (
        f"Before the work, {cost_ms:.2f} ms go into {len(permutes)} permutes of attention, whose"
        " 5-D forms no record covers."
    )


@experiment(
    10,
    study=STUDY,
    kind="D",
    claim="FP32 is far slower than FP16, FP16 slower than INT8, and INT8 gains by the work",
    source=ARTICLE,
)
def precisions(lab: Lab) -> Finding:
    """Ratios between the precisions, before and after."""
    runs = {precision: _pair(lab, precision) for precision in PRECISIONS}
    before = {precision: pair[0].latency_ms for precision, pair in runs.items()}
    after = {precision: pair[1].latency_ms for precision, pair in runs.items()}
    return Finding(
        (
            order("ms before", before),
            at_least("f32/f16 before", before["f32"] / before["f16"], 2.0),
            order(
                "f16/int8",
                {
                    "before": before["f16"] / before["int8"],
                    "after": after["f16"] / after["int8"],
                },
            ),
        ),
        note="The board: f32/f16 5.65 before, f16/int8 1.35 before and 1.58 after.",
        data={"before_ms": before, "after_ms": after},
    )


@experiment(
    12,
    study=STUDY,
    kind="D",
    claim="Afterwards the GDMA works less and overlaps more with the BDC, which works as before",
    source=ARTICLE,
)
def overlap(lab: Lab) -> Finding:
    """Busy times of both engines, and the share of time both are busy."""
    before, after = _pair(lab, "f16")
    return Finding(
        (
            order(
                "GDMA busy in ms",
                {
                    "after": _ms(after, after.gdma_busy_cycles),
                    "before": _ms(before, before.gdma_busy_cycles),
                },
            ),
            order(
                "both busy, share of the time",
                {
                    "before": before.overlap_cycles / before.cycles,
                    "after": after.overlap_cycles / after.cycles,
                },
                "{:.1%}",
            ),
            near(
                "BDC busy in ms after, as before",
                _ms(after, after.bdc_busy_cycles),
                _ms(before, before.bdc_busy_cycles),
                0.2,
            ),
        ),
        data={
            "bdc_share": {
                "before": before.bdc_busy_cycles / before.cycles,
                "after": after.bdc_busy_cycles / after.cycles,
            }
        },
    )


def _ms(run: Result, cycles: int) -> float:
    return cycles / (run.clock_mhz * 1e3)
