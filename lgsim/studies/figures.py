"""Pictures of what a study measured: one per study, a panel per experiment that has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lgsim.report import palette
from lgsim.report.pictures import WIDTH_INCHES
from lgsim.studies.design_rules import BATCH
from lgsim.studies.experiment import Row
from lgsim.studies.swin_attention import STEPS
from lgsim.studies.swin_latency import BOARD_MS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Data = Mapping[str, Any]

_HEIGHT_INCHES = 4.4
_PANEL_INCHES = WIDTH_INCHES / 3


@dataclass(frozen=True, slots=True)
class _Panel:
    """What one experiment's data look like."""

    number: int
    title: str
    unit: str
    draw: Callable[[Axes, Data], None]


def figures(rows: Sequence[Row]) -> dict[str, Figure]:
    """A picture per study, with a panel for each experiment there is a row of."""
    found = {row.experiment.number: row.finding.data for row in rows}
    drawn = {}
    for name, (title, panels) in _PICTURES.items():
        shown = [panel for panel in panels if panel.number in found]
        if shown:
            drawn[name] = _figure(title, shown, found)
    return drawn


def _figure(title: str, panels: Sequence[_Panel], found: Mapping[int, Data]) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(
        figsize=(_PANEL_INCHES * max(2, len(panels)), _HEIGHT_INCHES),
        facecolor="white",
        layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08, wspace=0.06),
    )
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold", color=palette.INK)
    for place, panel in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), place + 1)
        axes.grid(axis="y", color=palette.GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=9, color=palette.GRID, labelcolor=palette.INK)
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("bottom", "left"))
            spine.set_color(palette.GRID)
        axes.set_title(panel.title, loc="left", fontsize=10.5, color=palette.INK)
        axes.set_ylabel(panel.unit, fontsize=9, color=palette.MUTED_INK)
        panel.draw(axes, found[panel.number])
    return figure


def _bars(
    axes: Axes, labels: Sequence[str], series: Mapping[str, Sequence[float]], form: str
) -> None:
    """Groups of bars side by side, each with its value."""
    width = 0.8 / len(series)
    for number, (name, values) in enumerate(series.items()):
        places = [k - 0.4 + width * (number + 0.5) for k in range(len(labels))]
        color = palette.SERIES[number]
        drawn = axes.bar(places, values, width * 0.94, color=color, label=name, linewidth=0)
        texts = [form.format(value) for value in values]
        axes.bar_label(drawn, texts, fontsize=8, padding=1.5, color=palette.INK)
    axes.set_xticks(range(len(labels)), labels)
    axes.margins(y=0.16)
    if len(series) > 1:
        _legend(axes)


def _legend(axes: Axes, place: Literal["best", "upper left"] = "best") -> None:
    axes.legend(frameon=False, fontsize=8.5, handlelength=1.2, loc=place)


def _permutes(axes: Axes, data: Data) -> None:
    names = [name.split()[0] for name, _, _ in STEPS]
    _bars(axes, names, {"": [int(count) for count in data["permutes"]]}, "{:.0f}")


def _switches(axes: Axes, data: Data) -> None:
    latency = data["latency_ms"]
    everything = max(latency, key=len)
    fixes = " + ".join(name for name in everything.split(" + ") if name != "rewrite")
    cases = {"all off": "", "only the\nfixes": fixes, "only the\nrewrite": "rewrite"}
    cases["all on"] = everything
    _bars(axes, list(cases), {"": [latency[key] for key in cases.values()]}, "{:.2f}")


def _board(axes: Axes, data: Data) -> None:
    labels = ["FP16\nbefore", "FP16\nafter", "INT8\nbefore", "INT8\nafter"]
    ours = [data[f"{when}_ms"][p] for p in ("f16", "int8") for when in ("before", "after")]
    theirs = [ms for precision in ("f16", "int8") for ms in BOARD_MS[precision]]
    _bars(axes, labels, {"lgsim (cmodel)": ours, "board": theirs}, "{:.2f}")


def _shares(axes: Axes, data: Data) -> None:
    rows = data["shares"]
    parts = list(next(iter(rows.values())))[::-1]
    _bars(axes, list(rows), {p: [100 * rows[n][p] for n in rows] for p in parts}, "{:.0f}")


def _sensitivity(axes: Axes, data: Data) -> None:
    rows = data["elasticity"]
    kinds = list(next(iter(rows.values())))[::-1]
    _bars(axes, list(rows), {kind: [rows[n][kind] for n in rows] for kind in kinds}, "{:.2f}")


def _correlations(axes: Axes, data: Data) -> None:
    values = data["correlation"]
    labels = [name.replace(" ", "\n", 1) for name in values]
    _bars(axes, labels, {"": list(values.values())}, "{:.2f}")


def _lines(axes: Axes, table: Mapping[str, Mapping[str, float]]) -> None:
    for number, (kind, values) in enumerate(table.items()):
        color = palette.SERIES[number]
        axes.plot(list(values), list(values.values()), "o-", color=color, label=kind)
    _legend(axes, "upper left")


def _density(axes: Axes, data: Data) -> None:
    _lines(axes, data["teraflops"][BATCH])
    axes.set_ylim(bottom=0)


def _parameter_density(axes: Axes, data: Data) -> None:
    _lines(axes, data["teraparams"])
    axes.set_yscale("log")


def _placement(axes: Axes, data: Data) -> None:
    _bars(axes, list(data["teraflops"]), {"": list(data["teraflops"].values())}, "{:.2f}")


def _growth(axes: Axes, data: Data) -> None:
    times = data["rpe_ms"]
    tokens = list(times)
    axes.loglog(tokens, list(times.values()), "o-", color=palette.SERIES[0], label="measured")
    square = [times[tokens[0]] * (count / tokens[0]) ** 2 for count in tokens]
    axes.loglog(tokens, square, "--", color=palette.MUTED_INK, label="square of the tokens")
    axes.set_xticks(tokens, [f"{count}\ntokens" for count in tokens])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.minorticks_off()
    _legend(axes)


def _engines(axes: Axes, data: Data) -> None:
    ratio = data["ratio"]
    _bars(axes, [f"{count}\ntokens" for count in ratio], {"": list(ratio.values())}, "{:.0f}")


def _variants(axes: Axes, data: Data) -> None:
    _bars(axes, list(data["latency_ms"]), {"": list(data["latency_ms"].values())}, "{:.1f}")


_PICTURES: dict[str, tuple[str, tuple[_Panel, ...]]] = {
    "swin-1684x": (
        "Swin-T on a BM1684X: what the work changes",
        (
            _Panel(2, "Permutes per attention after each step", "permutes", _permutes),
            _Panel(6, "FP16 latency by what is switched on", "ms", _switches),
            _Panel(10, "Beside the board of the article", "ms", _board),
        ),
    ),
    "memory-bound": (
        "What makes a Vision Transformer memory-bound",
        (
            _Panel(15, "Time in ops without MACs, op by op", "% of the layers' time", _shares),
            _Panel(20, "What more of … is worth", "% less time per %", _sensitivity),
            _Panel(27, "What predicts a network's latency", "rank correlation", _correlations),
        ),
    ),
    "design-rules": (
        "TRT-ViT's design rules on a BM1684X (FP16)",
        (
            _Panel(21, "Computing density per block and stage", "TeraFLOPS", _density),
            _Panel(23, "Parameter density per block and stage", "TeraParams", _parameter_density),
            _Panel(22, "Transformers in one stage of a ResNet", "TeraFLOPS", _placement),
        ),
    ),
    "relative-position": (
        "What relative position costs (FP16)",
        (
            _Panel(28, "Time of RPE on Q and K, one layer", "ms", _growth),
            _Panel(31, "Look-ups one by one against streaming", "times slower", _engines),
            _Panel(32, "DeiT-S with relative position on …", "ms", _variants),
        ),
    ),
}
