"""What makes a ViT memory-bound, experiments 17 to 19 and 27: the parts of EfficientViT."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder
from lgsim.studies.checks import at_least, between, equal, order
from lgsim.studies.experiment import Finding, experiment
from lgsim.studies.lab import Lab, Result
from lgsim.studies.measures import longest_path, model_bytes, rank_correlation
from lgsim.studies.memory_bound import PAPER, STUDY

VARIANTS = tuple(f"efficientvit_m{number}" for number in range(6))

# Parameters and MACs in millions: the published configurations, as timm counts them.
_PARAMS_M = (2.349, 2.981, 4.188, 6.901, 8.804, 12.474)
_MACS_M = (79.2, 167.1, 201.0, 262.7, 299.3, 521.6)

# Frames per second in INT8 at batch 8 on 18 TOPS of an AX650N, from a note on its deployment.
AX650N_FPS = (6714, 5263, 4878, 4096, 3921, 2710)


@experiment(
    17,
    study=STUDY,
    kind="D",
    claim="The sandwich of FFNs around each attention is memory-efficient",
    source=PAPER,
)
def sandwich(lab: Lab) -> Finding:
    """Each variant as published, and with one FFN per attention."""
    worst_time, worst_bytes, rows = 0.0, 0.0, {}
    weights: dict[str, tuple[float, float]] = {}
    for name in VARIANTS:
        with_it, without = lab.run(name), lab.run(name, sandwich=False)
        times = [run.latency_ms / run.macs for run in (with_it, without)]
        moved = [run.gmem_bytes / run.macs for run in (with_it, without)]
        worst_time = max(worst_time, times[0] / times[1])
        worst_bytes = max(worst_bytes, moved[0] / moved[1])
        weights[name] = _weight_bytes(with_it), _weight_bytes(without)
        rows[name] = {"latency per MAC": times[0] / times[1], "bytes per MAC": moved[0] / moved[1]}
    return Finding(
        (
            order("time per MAC, 1:1 = 1", {"sandwich": worst_time, "1:1": 1.0}),
            order("bytes per MAC, 1:1 = 1", {"sandwich": worst_bytes, "1:1": 1.0}),
        ),
        reason=(
            "At batch 1 the bytes are mostly weights, and the FFNs bring more of them per MAC: in"
            f" M1 {weights['efficientvit_m1'][0]:.1f} bytes per 1000 MACs with the sandwich,"
            f" {weights['efficientvit_m1'][1]:.1f} without."
        ),
        note="The worst of M0 to M5; 1:1 leaves out the convolution and FFN before attention.",
        data={"ratios": rows},
    )


def _weight_bytes(run: Result) -> float:
    """Bytes of weights per 1000 MACs."""
    return 2000 * run.params / run.macs


@experiment(
    18,
    study=STUDY,
    kind="E/D",
    claim="EfficientViT M0 to M5: sizes as published, and each slower than the one before",
    source=PAPER,
)
def variants(lab: Lab) -> Finding:
    """Sizes to the digit, latencies in INT8, and their ranks against a measured chip."""
    nets = [lab.net(name) for name in VARIANTS]
    latencies = {
        name.removeprefix("efficientvit_").upper(): lab.run(name, precision="int8").latency_ms
        for name in VARIANTS
    }
    trained = [net.trained_params or 0 for net in nets]
    ranks = rank_correlation([1 / ms for ms in latencies.values()], AX650N_FPS)
    return Finding(
        (
            equal("M parameters", _listed(n / 1e6 for n in trained), _listed(_PARAMS_M)),
            equal("M MACs", _listed((net.macs() / 1e6 for net in nets), 1), _listed(_MACS_M, 1)),
            order("ms", latencies, "{:.3f}"),
            equal("rank correlation with an AX650N", ranks, 1.0, "{:.2f}"),
        ),
        note="Latencies in INT8 at batch 1; the AX650N at batch 8.",
        data={"latency_ms": latencies, "ax650n_fps": AX650N_FPS},
    )


def _listed(values: Iterable[float], digits: int = 3) -> str:
    return ", ".join(f"{value:.{digits}f}" for value in values)


@experiment(
    19,
    study=STUDY,
    kind="H",
    claim="Cascaded group attention saves MACs and bytes, but its heads wait for each other",
    source=PAPER,
)
def cascade(lab: Lab) -> Finding:
    """Cascaded and plain attention of equal width and heads, alone in a network."""
    script = lab.script("efficientvit")
    nets = {
        "cascaded": _attention_net(script.cascaded_attention, script.WIDE),
        "plain": _attention_net(script.plain_attention, script.WIDE),
    }
    runs = {name: lab.run(net, io_dtype="f16") for name, net in nets.items()}
    chains = {name: longest_path(runs[name].graph) for name in ("plain", "cascaded")}
    overlap = {name: run.overlap_cycles / run.cycles for name, run in runs.items()}
    times = {name: run.latency_ms * 1e3 for name, run in runs.items()}
    return Finding(
        (
            order("M MACs", {name: run.macs / 1e6 for name, run in runs.items()}),
            order("MB moved", {name: run.gmem_bytes / 1e6 for name, run in runs.items()}),
            order("longest chain of ops", chains, "{}"),
        ),
        note=(
            f"256 channels, 4 heads, 7x7, FP16: {times['cascaded']:.1f} µs cascaded against"
            f" {times['plain']:.1f} µs plain, with {overlap['cascaded']:.0%} and"
            f" {overlap['plain']:.0%} overlap."
        ),
        data={"latency_us": times, "overlap": overlap},
    )


def _attention_net(attend: Callable[..., Tensor], kernels: tuple[int, ...]) -> Graph:
    """One attention on 7 x 7 pixels of 256 channels, as in the second stage of M4."""
    b = GraphBuilder("attention")
    x = b.input("input", (1, 256, 7, 7))
    b.output(attend(b, x, kernels))
    return b.build()


PREDICTED = (
    "resnet18",
    "resnet50",
    "mobilenet_v2",
    "deit_tiny",
    "deit_small",
    "swin_t",
    *VARIANTS,
)


@experiment(
    27,
    study=STUDY,
    kind="H",
    claim="MACs predict latency poorly; the bytes that ops move predict it better",
    source=f"TRT-ViT, {PAPER}",
)
def predictors(lab: Lab) -> Finding:
    """Rank correlation of latency with MACs, parameters and bytes over networks of the zoo."""
    runs = {name: lab.run(name) for name in PREDICTED}
    latencies = [run.latency_ms for run in runs.values()]
    columns: dict[str, list[int]] = {
        "MACs": [run.macs for run in runs.values()],
        "parameters": [run.params for run in runs.values()],
        "bytes op by op": [model_bytes(lab.net(name)) for name in runs],
        "bytes as scheduled": [run.gmem_bytes for run in runs.values()],
    }
    values = {name: rank_correlation(latencies, column) for name, column in columns.items()}
    macs = values["MACs"]
    return Finding(
        (
            between("rank correlation: MACs", macs, -1.0, 0.5),
            at_least("bytes op by op", values["bytes op by op"], macs + 0.1),
        ),
        reason=(
            "Layer groups take away most of the bytes that are counted op by op: those that are"
            f" scheduled reach {values['bytes as scheduled']:.2f}, parameters alone"
            f" {values['parameters']:.2f}."
        ),
        note=f"Over {len(runs)} image classifiers with layer groups, FP16.",
        data={"correlation": values},
    )
