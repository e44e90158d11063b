"""`lgsim validate`: how well laws and estimates agree with what the vendor's simulator recorded."""

from __future__ import annotations

from pathlib import Path

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
@click.option("--strategy", default="none", show_default=True, help="Grouping strategy.")
@click.option("--target", default="bm1684x", show_default=True, help="Chip of the records.")
@click.option("--timing", default="cmodel", show_default=True, help="Timing profile.")
@click.option("--markdown", is_flag=True, help="Print a chapter of docs/accuracy.md.")
@json_option
def command(
    files: tuple[Path, ...],
    reference: Path | None,
    strategy: str,
    target: str,
    timing: str,
    markdown: bool,
    json_file: str | None,
) -> None:
    """Compare laws and estimates with records of the vendor's simulator."""
    if bool(files) == (reference is not None):
        raise click.UsageError("compare with what? give --commands FILE or --reference FOLDER")
    if reference is not None:
        value, text = _networks(reference, strategy, target, timing, markdown)
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
    reference: Path, strategy: str, target: str, timing: str, markdown: bool
) -> tuple[dict[str, object], str]:
    """JSON value and text of the comparison of whole networks."""
    from lgsim.report.totals import totals_chapter, totals_json, totals_text
    from lgsim.validation import estimate_totals

    rows = estimate_totals(reference, strategy=strategy, target=target, timing=timing)
    return totals_json(rows), totals_chapter(rows, strategy) if markdown else totals_text(rows)
