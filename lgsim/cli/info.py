"""`lgsim info`: what is in a network, as imported, before any rewrite."""

from __future__ import annotations

import click

from lgsim.cli.options import NetOptions, json_option, net_options
from lgsim.cli.output import print_json, print_warnings


@click.command("info")
@net_options
@json_option
def command(net_options: NetOptions, json_file: str | None) -> None:
    """Operators, parameters, MACs and bytes of NET as imported."""
    from lgsim.frontends import load_model
    from lgsim.report.network import network_json, network_text

    graph = load_model(
        net_options.net,
        batch=net_options.batch,
        shapes=net_options.shapes,
        args=net_options.args,
    )
    print_warnings(graph.warnings)
    if json_file is not None:
        print_json(network_json(graph), json_file)
    else:
        click.echo(network_text(graph))
