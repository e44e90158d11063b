"""Results to stdout or to a file, warnings to stderr."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from lgsim.report.files import write_atomic


def print_json(value: Any, json_file: str) -> None:
    """Print `value` as deterministic JSON, or write it to `json_file` unless that is ``-``."""
    text = json.dumps(value, indent=1, sort_keys=True) + "\n"
    if json_file == "-":
        click.echo(text, nl=False)
    else:
        write_atomic(Path(json_file), text.encode())


def print_warnings(warnings: Iterable[str]) -> None:
    """One line per warning, to stderr."""
    for warning in warnings:
        click.echo(f"lgsim: warning: {warning}", err=True)
