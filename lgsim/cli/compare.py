"""`lgsim compare`: one network, several plans."""

from __future__ import annotations

from pathlib import Path

import click

from lgsim.cli.options import (
    NetOptions,
    ScheduleOptions,
    chip_options,
    json_option,
    keywords,
    net_options,
    output_option,
    pairs,
)
from lgsim.cli.output import print_json, print_warnings
from lgsim.errors import CheckError, LgsimError
from lgsim.settings import STRATEGIES_TO_COMPARE


@click.command("compare")
@net_options
@click.option(
    "--strategies",
    default=",".join(STRATEGIES_TO_COMPARE),
    show_default=True,
    metavar="A,B,…",
    help="Strategies, separated by commas; the first is what the others are compared with.",
)
@click.option(
    "--plan",
    "plans",
    multiple=True,
    metavar="NAME=FILE",
    help="A plan from a file as a further column called NAME; repeatable.",
)
@chip_options
@output_option("Draw the comparison: .png, .svg or .pdf.")
@click.option(
    "--fail-if-slower",
    "limit",
    metavar="PERCENT",
    help="Exit with code 3 if any other column is slower than the first by more than this.",
)
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=8,
    show_default=True,
    help="How many of the places where the plans differ to list.",
)
@json_option
def command(
    net_options: NetOptions,
    schedule_options: ScheduleOptions,
    strategies: str,
    plans: tuple[str, ...],
    output: Path | None,
    limit: str | None,
    top: int,
    json_file: str | None,
) -> None:
    """Compare grouping strategies on NET: time, traffic, overlap, and where the plans differ.

    The first strategy is the baseline, of the speed-up as of --fail-if-slower.
    """
    from lgsim.api import compare

    tolerance = None if limit is None else _percent(limit)
    if output is not None:
        from lgsim.report.pictures import picture_suffix

        picture_suffix(output)
    comparison = compare(
        net_options.net,
        strategies=[name.strip() for name in strategies.split(",") if name.strip()],
        plans=pairs(plans, "--plan", "mine=plan.json"),
        **keywords(net_options, schedule_options),
    )
    print_warnings(comparison.runs[0].warnings)
    if output is not None:
        comparison.plot(output)
    if json_file is not None:
        print_json(comparison.to_json(), json_file)
    else:
        click.echo(comparison.text(top))
        if output is not None:
            click.echo(f"\nwrote {output}")
    if tolerance is not None:
        slower = [f"{name} by {more:.1f} %" for name, more in comparison.slower(tolerance)]
        if slower:
            raise CheckError(
                f"slower than {comparison.labels[0]}: {', '.join(slower)}",
                limit=f"{tolerance:g} % allowed",
            )


def _percent(text: str) -> float:
    """Read ``2%`` or ``2``."""
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise LgsimError(f"'{text}' is no percentage", where="--fail-if-slower", hint="like 2%")
    return value
