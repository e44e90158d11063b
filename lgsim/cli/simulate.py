"""`lgsim simulate`: plan and simulate a network."""

from __future__ import annotations

import click

from lgsim.cli.options import (
    NetOptions,
    ScheduleOptions,
    json_option,
    net_options,
    schedule_options,
)
from lgsim.cli.output import print_json
from lgsim.cli.run import simulate_net


@click.command("simulate")
@net_options
@schedule_options
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="How many of the slowest sections to list.",
)
@json_option
def command(
    net_options: NetOptions,
    schedule_options: ScheduleOptions,
    top: int,
    json_file: str | None,
) -> None:
    """Plan and simulate NET: how long, what moves, what computes, what waits."""
    run = simulate_net(net_options, schedule_options)
    if json_file is not None:
        print_json(run.to_json(), json_file)
    else:
        click.echo(run.summary(top))
