"""`lgsim validate`: how well laws and estimates agree with what the vendor's simulator recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from lgsim.cli.options import json_option
from lgsim.cli.output import print_json


@click.command("validate")
@click.option(
    "--commands",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Hold the timing laws against recorded commands (.jsonl or .jsonl.gz), or a folder of"
    " them; repeatable.",
)
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Hold whole networks (FOLDER/onnx) against recorded totals (FOLDER/cycle_sim.csv).",
)
@click.option(
    "--plan",
    metavar="FILE",
    help="With --commands: the plan behind the record; compares the commands of every op.",
)
@click.option(
    "--net",
    metavar="NET",
    help="With --plan: the network, if the plan does not name it.",
)
@click.option(
    "--graphs",
    type=click.Choice(["onnx", "ir"]),
    default="onnx",
    show_default=True,
    help="With --reference: read FOLDER/onnx, or FOLDER/ir (as the vendor lowered them).",
)
@click.option(
    "--vendor-steps",
    is_flag=True,
    help="With finished plans of the vendor's: keep their time steps and addresses too.",
)
@click.option(
    "--strategy",
    default="none",
    show_default=True,
    help="Grouping strategy; 'given' takes the vendor's plans (FOLDER/plans).",
)
@click.option("--target", default="bm1684x", show_default=True, help="Chip of the records.")
@click.option("--timing", default="cmodel", show_default=True, help="Timing profile.")
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="With --plan: how many of the ops that differ to list.",
)
@click.option("--markdown", is_flag=True, help="Print a chapter of docs/accuracy.md.")
@json_option
def command(
    files: tuple[Path, ...],
    reference: Path | None,
    plan: str | None,
    net: str | None,
    graphs: Literal["onnx", "ir"],
    vendor_steps: bool,
    strategy: str,
    target: str,
    timing: str,
    top: int,
    markdown: bool,
    json_file: str | None,
) -> None:
    """Compare laws and estimates with records of the vendor's simulator."""
    if bool(files) == (reference is not None):
        raise click.UsageError("compare with what? give --commands FILE or --reference FOLDER")
    if plan is not None and len(files) != 1:
        raise click.UsageError("--plan goes with one --commands FILE")
    settings = {"target": target, "timing": timing, "vendor_steps": vendor_steps}
    if reference is not None:
        value, text = _networks(reference, markdown, strategy=strategy, graphs=graphs, **settings)
    elif plan is not None:
        value, text = _one_plan(files[0], plan, net, top, settings)
    else:
        value, text = _laws(files, target, timing, markdown)
    if json_file is not None:
        print_json(value, json_file)
    else:
        click.echo(text)


def _laws(
    files: tuple[Path, ...], target: str, timing: str, markdown: bool
) -> tuple[dict[str, object], str]:
    """JSON value and text of the comparison of single commands."""
    from lgsim.report.accuracy import laws_chapter, laws_json, laws_text
    from lgsim.simulator.replay import replay_files
    from lgsim.target import load_target

    results = replay_files(files, load_target(target).chip(timing))
    return laws_json(results), laws_chapter(results) if markdown else laws_text(results)


def _networks(
    reference: Path,
    markdown: bool,
    *,
    strategy: str,
    graphs: Literal["onnx", "ir"],
    **settings: Any,
) -> tuple[dict[str, object], str]:
    """JSON value and text of the comparison of whole networks."""
    from lgsim.analysis.validation import estimate_totals
    from lgsim.report.totals import totals_chapter, totals_json, totals_text

    rows = estimate_totals(reference, strategy=strategy, graphs=graphs, **settings)
    if not markdown:
        return totals_json(rows), totals_text(rows)
    steps = bool(settings["vendor_steps"])
    return totals_json(rows), totals_chapter(rows, strategy, graphs, steps)


def _one_plan(
    commands: Path, plan: str, net: str | None, top: int, settings: dict[str, Any]
) -> tuple[dict[str, object], str]:
    """JSON value and text of the comparison of the ops of one plan."""
    from lgsim.analysis.validation import compare_with_record
    from lgsim.plans import network_of
    from lgsim.report.op_differences import differences_json, differences_text
    from lgsim.settings import Settings

    net = net or network_of(plan)
    given = None if net == plan else plan
    result = compare_with_record(commands, net, Settings(plan=given, **settings))
    return differences_json(result), differences_text(result, top)
