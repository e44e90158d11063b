"""`lgsim targets`: the chips there are, and the numbers of one with their sources."""

from __future__ import annotations

import click

from lgsim.cli.options import json_option
from lgsim.cli.output import print_json


@click.command("targets")
@click.argument("name", required=False)
@click.option("--schema", is_flag=True, help="Print the JSON schema of chip files.")
@json_option
def command(name: str | None, schema: bool, json_file: str | None) -> None:
    """List the chips, or show the numbers of NAME (a chip or a .toml file) with their sources."""
    from lgsim.report.targets import target_json, target_text, targets_json, targets_text
    from lgsim.target import list_targets, load_target, target_schema

    if schema:
        print_json(target_schema(), json_file or "-")
    elif name is None:
        targets = [load_target(each) for each in list_targets()]
        if json_file is not None:
            print_json(targets_json(targets), json_file)
        else:
            click.echo(targets_text(targets))
    else:
        target = load_target(name)
        if json_file is not None:
            print_json(target_json(target), json_file)
        else:
            click.echo(target_text(target))
