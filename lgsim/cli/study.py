"""`lgsim study`: claims of the literature, measured here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lgsim.cli.options import check_json_file, json_option
from lgsim.cli.output import print_json

if TYPE_CHECKING:
    from lgsim.studies import Report


@click.command("study")
@click.argument("name", required=False)
@click.option("--all", "all_", is_flag=True, help="Run every study.")
@click.option("--list", "list_", is_flag=True, help="List the studies.")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the figures into this folder.",
)
@click.option("--page", is_flag=True, help="With --all: print the page of claims as Markdown.")
@click.option(
    "--strategy", default="dp", show_default=True, help="Strategy that stands for layer groups."
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="With --all: how many processes to use.",
)
@json_option
def command(
    name: str | None,
    all_: bool,
    list_: bool,
    output: Path | None,
    page: bool,
    strategy: str,
    jobs: int,
    json_file: str | None,
) -> None:
    """Run the study NAME: claims, what was measured, what was expected, and whether they hold."""
    from lgsim.studies import STUDIES, all_studies, study

    if list_:
        for each in STUDIES.values():
            click.echo(f"{each.name:<18} {each.title}")
        return
    if all_ == (name is not None):
        raise click.UsageError(f"name a study, or give --all; there are: {', '.join(STUDIES)}")
    if page and not all_:
        raise click.UsageError("--page is for --all")
    check_json_file(json_file)
    report = all_studies(strategy, jobs) if all_ else study(name or "", strategy)
    if output is not None:
        _write_figures(report, output)
    _show(report, page, json_file)


def _show(report: Report, page: bool, json_file: str | None) -> None:
    from lgsim.studies.page import claims_page

    if json_file is not None:
        print_json(report.to_json(), json_file)
    elif page:
        click.echo(claims_page(report.rows), nl=False)
    else:
        click.echo(report.text())


def _write_figures(report: Report, folder: Path) -> None:
    from lgsim.errors import LgsimError
    from lgsim.report.pictures import save_figure

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LgsimError(f"cannot make the folder: {error.strerror}", where=str(folder)) from None
    for name, figure in report.figures().items():
        save_figure(figure, folder / f"{name}.png")
