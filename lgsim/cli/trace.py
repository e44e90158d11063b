"""`lgsim trace`: the schedule as a trace file."""

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


@click.command("trace")
@net_options
@schedule_options
@output_option("File to write: .json or .json.gz.", required=True)
def command(net_options: NetOptions, schedule_options: ScheduleOptions, output: Path) -> None:
    """Write the schedule of NET as a trace that opens in Perfetto or chrome://tracing."""
    run = simulate_net(net_options, schedule_options)
    run.trace(output)
    click.echo(f"wrote {output}; open it at ui.perfetto.dev")
