"""`lgsim explain`: why ops may or may not be local, and what the rewrites did."""

from __future__ import annotations

import click

from lgsim.cli.options import (
    NetOptions,
    ScheduleOptions,
    json_option,
    keywords,
    net_options,
    schedule_options,
)
from lgsim.cli.output import print_json, print_warnings


@click.command("explain")
@net_options
@click.argument("op", required=False)
@click.option("--all", "every", is_flag=True, help="List every op.")
@schedule_options
@json_option
def command(
    net_options: NetOptions,
    schedule_options: ScheduleOptions,
    op: str | None,
    every: bool,
    json_file: str | None,
) -> None:
    """Why each op of NET, or just OP, may or may not be local, and what the rewrites did.

    OP is the name of an op, or a part of it that only one op has.
    """
    from lgsim.api import explain

    explained = explain(net_options.net, **keywords(net_options, schedule_options))
    print_warnings(explained.graph.warnings)
    if json_file is not None:
        print_json(explained.to_json(op), json_file)
    else:
        click.echo(explained.text(op, every=every))
