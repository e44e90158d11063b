"""`lgsim models`: the networks of the zoo."""

from __future__ import annotations

import click

from lgsim.cli.options import json_option
from lgsim.cli.output import print_json


@click.command("models")
@json_option
def command(json_file: str | None) -> None:
    """List the networks of the zoo with parameters, MACs and input shapes."""
    from lgsim.frontends import list_models
    from lgsim.report.zoo import models_json, models_text

    entries = list_models()
    if json_file is not None:
        print_json(models_json(entries), json_file)
    else:
        click.echo(models_text(entries))
