"""`lgsim ablate`: what each rewrite and each planner feature is worth."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lgsim.cli.options import (
    NetOptions,
    ScheduleOptions,
    chip_options,
    json_option,
    keywords,
    net_options,
    output_option,
    strategy_option,
)
from lgsim.cli.output import print_json


@click.command("ablate")
@net_options
@strategy_option
@chip_options
@click.option(
    "--features",
    metavar="A,B+C,…",
    default="",
    help="Only these, in the order in which they are switched on; those joined by + go together.",
)
@output_option("Draw the waterfall: .png, .svg or .pdf.")
@json_option
def command(
    net_options: NetOptions,
    schedule_options: ScheduleOptions,
    features: str,
    output: Path | None,
    json_file: str | None,
) -> None:
    """Switch off each rewrite and each planner feature of NET in turn, and all of them.

    Features that are off by --disable stay off throughout. `lgsim features` lists the names.
    """
    from lgsim.api import ablate

    if output is not None:
        from lgsim.report.pictures import picture_suffix

        picture_suffix(output)
    found = ablate(
        net_options.net,
        features=[name.strip() for name in features.split(",") if name.strip()],
        progress=_progress if sys.stderr.isatty() else None,
        **keywords(net_options, schedule_options),
    )
    if output is not None:
        found.plot(output)
    if json_file is not None:
        print_json(found.to_json(), json_file)
    else:
        click.echo(found.text())
        if output is not None:
            click.echo(f"\nwrote {output}")


def _progress(done: int, total: int) -> None:
    """One line on the terminal that overwrites itself and is gone at the end."""
    text = f"{done} of {total} features" if done < total else ""
    click.echo(f"\r\033[K{text}", nl=False, err=True)
