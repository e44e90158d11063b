"""`lgsim plot`: pictures of a schedule."""

from __future__ import annotations

from pathlib import Path

import click

from lgsim.cli.options import (
    NetOptions,
    ScheduleOptions,
    net_options,
    output_option,
    schedule_options,
)
from lgsim.cli.run import simulate_net


@click.command("plot")
@net_options
@schedule_options
@click.option(
    "--kind",
    type=click.Choice(["gantt", "groups", "lmem"]),
    default="gantt",
    show_default=True,
    help="Both engines over time, all sections, or the local memory of one layer group.",
)
@output_option("File to write: .png, .svg or .pdf.", required=True)
@click.option(
    "--op",
    "focus",
    metavar="NAME",
    help="Show one operator, or the group it is in, instead of the whole run.",
)
def command(
    net_options: NetOptions,
    schedule_options: ScheduleOptions,
    kind: str,
    output: Path,
    focus: str | None,
) -> None:
    """Draw the schedule of NET."""
    from lgsim.report.pictures import picture_suffix

    picture_suffix(output)
    run = simulate_net(net_options, schedule_options)
    run.plot(output, kind=kind, focus=focus)
    click.echo(f"wrote {output}")
