"""`lgsim validate`: how well the timing laws agree with recorded commands."""

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
    required=True,
    metavar="FILE",
    help="Recorded commands (.jsonl or .jsonl.gz), or a folder of them; repeatable.",
)
@click.option("--target", default="bm1684x", show_default=True, help="Chip the file was made for.")
@click.option("--timing", default="cmodel", show_default=True, help="Timing profile.")
@click.option("--markdown", is_flag=True, help="Print the chapter of docs/accuracy.md.")
@json_option
def command(
    files: tuple[Path, ...], target: str, timing: str, markdown: bool, json_file: str | None
) -> None:
    """Compare the timing laws with recorded commands of the vendor's simulator."""
    from lgsim.report.accuracy import laws_chapter, laws_json, laws_text
    from lgsim.simulator.replay import replay_files
    from lgsim.target import load_target

    results = replay_files(files, load_target(target).chip(timing))
    if json_file is not None:
        print_json(laws_json(results), json_file)
    else:
        click.echo(laws_chapter(results) if markdown else laws_text(results))
