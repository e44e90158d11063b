"""Options that several verbs share, and how their values are read."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from lgsim.errors import LgsimError

Function = TypeVar("Function", bound=Callable[..., Any])

PRECISIONS = ("f32", "f16", "bf16", "int8")


@dataclass(frozen=True, slots=True)
class NetOptions:
    """Which network to read, and how to fix its shapes and free parameters."""

    net: str
    batch: int | None
    shapes: dict[str, tuple[int, ...]]
    args: dict[str, str]


@dataclass(frozen=True, slots=True)
class ScheduleOptions:
    """For which chip, and how, a network is scheduled."""

    target: str
    overrides: dict[str, str]
    precision: str
    io_dtype: str
    strategy: str
    timing: str
    disable: tuple[str, ...]
    enable: tuple[str, ...]


def net_options(function: Function) -> Function:
    """Add NET, --batch, --shape and --arg, passed on as one `NetOptions`."""

    @functools.wraps(function)
    def wrapper(
        net: str | None,
        batch: int | None,
        shape: tuple[str, ...],
        arg: tuple[str, ...],
        **rest: Any,
    ) -> Any:
        net, rest = _net_or_json_file(net, rest)
        options = NetOptions(net, batch, _shapes(shape), _pairs(arg, "--arg", "window=8"))
        return function(net_options=options, **rest)

    for option in (
        click.option(
            "--arg",
            multiple=True,
            metavar="NAME=VALUE",
            help="Free parameter of a model script; repeatable.",
        ),
        click.option(
            "--shape",
            multiple=True,
            metavar="INPUT=1x3x224x224",
            help="Shape of a graph input; repeatable.",
        ),
        click.option("--batch", type=click.IntRange(min=1), help="First dimension of the inputs."),
        click.argument("net", required=False),
    ):
        wrapper = option(wrapper)
    return wrapper  # type: ignore[return-value]  # click's decorators erase the signature


def _net_or_json_file(net: str | None, rest: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """`lgsim info --json NET` reads NET as the file of --json; take it back."""
    if net is None and rest.get("json_file") not in (None, "-"):
        net, rest = rest["json_file"], {**rest, "json_file": "-"}
    if net is None:
        raise click.UsageError("which network? give a zoo name (see 'lgsim models') or a file")
    return net, rest


def schedule_options(function: Function) -> Function:
    """Add the options of scheduling, passed on as one `ScheduleOptions`."""

    @functools.wraps(function)
    def wrapper(
        target: str,
        set_: tuple[str, ...],
        precision: str,
        io_dtype: str,
        strategy: str,
        timing: str,
        disable: tuple[str, ...],
        enable: tuple[str, ...],
        **rest: Any,
    ) -> Any:
        overrides = _pairs(set_, "--set", "gdma.load_gbps=50")
        options = ScheduleOptions(
            target, overrides, precision, io_dtype, strategy, timing, disable, enable
        )
        return function(schedule_options=options, **rest)

    for option in (
        click.option(
            "--enable", multiple=True, metavar="NAME", help="Switch a feature on; repeatable."
        ),
        click.option(
            "--disable", multiple=True, metavar="NAME", help="Switch a feature off; repeatable."
        ),
        click.option("--timing", default="cmodel", show_default=True, help="Timing profile."),
        click.option("--strategy", default="none", show_default=True, help="Grouping strategy."),
        click.option(
            "--io-dtype",
            type=click.Choice(["f32", "f16", "int8"]),
            default="f32",
            show_default=True,
            help="Element type of graph inputs and outputs in DDR.",
        ),
        click.option(
            "--precision",
            type=click.Choice(PRECISIONS),
            default="f16",
            show_default=True,
            help="Element type the network computes in.",
        ),
        click.option(
            "--set",
            "set_",
            multiple=True,
            metavar="KEY=VALUE",
            help="Any number of the target, for example gdma.load_gbps=50; repeatable.",
        ),
        click.option(
            "--target", default="bm1684x", show_default=True, help="Chip: a name or a .toml file."
        ),
    ):
        wrapper = option(wrapper)
    return wrapper  # type: ignore[return-value]  # click's decorators erase the signature


def json_option(function: Function) -> Function:
    """Add --json [FILE]; the verb gets `json_file`: None, ``-`` for stdout, or a path."""
    option = click.option(
        "--json",
        "json_file",
        is_flag=False,
        flag_value="-",
        metavar="[FILE]",
        help="Print JSON, or write it to FILE.",
    )
    return option(function)


def _pairs(items: tuple[str, ...], option: str, example: str) -> dict[str, str]:
    """Read repeated NAME=VALUE items."""
    pairs: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name or not value:
            raise LgsimError(f"'{item}' is not NAME=VALUE", where=option, hint=f"like {example}")
        pairs[name] = value
    return pairs


def _shapes(items: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Read repeated INPUT=1x3x224x224 items."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, text in _pairs(items, "--shape", "input=1x3x224x224").items():
        sizes = text.lower().split("x")
        if not all(size.isdigit() and int(size) > 0 for size in sizes):
            raise LgsimError(
                f"'{text}' is not a shape", where="--shape", hint=f"like {name}=1x3x224x224"
            )
        shapes[name] = tuple(int(size) for size in sizes)
    return shapes
