"""`lgsim check`: the schedule sanitizer."""

from __future__ import annotations

from collections import Counter

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
from lgsim.errors import CheckError


@click.command("check")
@net_options
@schedule_options
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many violations to print.",
)
@json_option
def command(
    net_options: NetOptions,
    schedule_options: ScheduleOptions,
    limit: int,
    json_file: str | None,
) -> None:
    """Check the schedule of NET against the rules of the chip; exit code 3 if one is broken."""
    run = simulate_net(net_options, schedule_options)
    violations = run.check()
    if json_file is not None:
        rows = [{"rule": v.rule, "where": v.where, "detail": v.detail} for v in violations]
        print_json({"schema": 1, "violations": rows}, json_file)
    else:
        for rule, count in Counter(violation.rule for violation in violations).items():
            click.echo(f"{rule}: {count:,} violation(s)")
        for violation in violations[:limit]:
            click.echo(f"  {violation.rule}: {violation.where}: {violation.detail}")
        if len(violations) > limit:
            click.echo(f"  … and {len(violations) - limit:,} more (--limit, or --json for all)")
        if not violations:
            click.echo(f"{run.program.size:,} commands, no rule broken")
    if violations:
        raise CheckError(f"{len(violations)} violation(s) in the schedule", where=run.model)
