"""`lgsim plan`: which ops go together, on screen and as a file."""

from __future__ import annotations

from pathlib import Path

import click

from lgsim.cli.options import (
    NetOptions,
    ScheduleOptions,
    json_option,
    keywords,
    net_options,
    output_option,
    schedule_options,
)
from lgsim.cli.output import print_json, print_warnings


@click.command("plan")
@net_options
@schedule_options
@output_option("Write the plan to FILE.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["lgsim", "tpu-mlir"]),
    default="lgsim",
    show_default=True,
    help="Form of FILE: a plan of lgsim, or the layer-group cache that tpu-mlir reads (opt=4).",
)
@json_option
def command(
    net_options: NetOptions,
    schedule_options: ScheduleOptions,
    output: Path | None,
    form: str,
    json_file: str | None,
) -> None:
    """Plan NET: its groups and global layers, with slices, cycles and peak local memory."""
    from lgsim.pipeline import planned, prepare_network, simulated
    from lgsim.report.files import write_atomic
    from lgsim.report.plan_json import plan_document, plan_table, plan_text
    from lgsim.settings import Settings

    if form == "tpu-mlir" and output is None:
        raise click.UsageError("--format tpu-mlir writes a file: name it with -o FILE")
    prepared = prepare_network(net_options.net, Settings(**keywords(net_options, schedule_options)))
    run = simulated(prepared, planned(prepared))
    print_warnings(run.warnings)
    if output is not None and form == "tpu-mlir":
        from lgsim.report.group_cache import cache_name, doubtful_groups, group_cache_text

        write_atomic(output, group_cache_text(prepared, run))
        expected = cache_name(run)
        if output.name != expected:
            print_warnings([f"the compiler looks for a file called {expected}"])
        print_warnings(doubtful_groups(prepared, run))
    elif output is not None:
        write_atomic(output, plan_text(plan_document(prepared, run, net_options.net)))
    if json_file is not None:
        print_json(plan_document(prepared, run, net_options.net), json_file)
    else:
        click.echo(plan_table(run))
        if output is not None:
            click.echo(f"wrote {output}")
