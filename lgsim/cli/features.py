"""`lgsim features`: what can be switched off and on."""

from __future__ import annotations

import click

from lgsim.cli.options import json_option
from lgsim.cli.output import print_json


@click.command("features")
@click.option("--disable", multiple=True, metavar="NAME", help="Show it switched off; repeatable.")
@click.option("--enable", multiple=True, metavar="NAME", help="Show it switched on; repeatable.")
@click.option("--ops-page", is_flag=True, help="Print the page of supported ops and their rules.")
@json_option
def command(
    disable: tuple[str, ...], enable: tuple[str, ...], ops_page: bool, json_file: str | None
) -> None:
    """List rewrites and capabilities, each with one line; --disable and --enable take the names."""
    from lgsim.features import feature_switches
    from lgsim.report.features import features_json, features_text

    if ops_page:
        from lgsim.report.ops_page import ops_page as page

        click.echo(page(), nl=False)
        return
    switches = feature_switches(disable, enable)
    if json_file is not None:
        print_json(features_json(switches), json_file)
    else:
        click.echo(features_text(switches))
