"""Options that several verbs share, and how their values are read."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from lgsim.errors import LgsimError
from lgsim.report.files import check_writable
from lgsim.settings import DEFAULTS, Options

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
    plan: str | None
    vendor_steps: bool
    timing: str
    disable: tuple[str, ...]
    enable: tuple[str, ...]


def keywords(net: NetOptions, schedule: ScheduleOptions) -> Options:
    """What the API takes as keyword arguments."""
    return {
        "batch": net.batch,
        "shapes": net.shapes,
        "args": net.args,
        "target": schedule.target,
        "overrides": schedule.overrides,
        "precision": schedule.precision,
        "io_dtype": schedule.io_dtype,
        "strategy": schedule.strategy,
        "plan": schedule.plan,
        "vendor_steps": schedule.vendor_steps,
        "timing": schedule.timing,
        "disable": schedule.disable,
        "enable": schedule.enable,
    }


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
        check_json_file(rest.get("json_file"))
        options = NetOptions(net, batch, _shapes(shape), pairs(arg, "--arg", "window=8"))
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
    return chip_options(strategy_option(plan_options(function)))


def plan_options(function: Function) -> Function:
    """Add --plan and --vendor-steps."""
    plan = click.option(
        "--plan",
        metavar="FILE",
        help="Schedule as this plan says (strategy given): one of lgsim, or tpu-mlir's"
        " layer_group_cache.json.",
    )
    steps = click.option(
        "--vendor-steps",
        is_flag=True,
        help="With a finished plan of the vendor's: keep its time steps and addresses too.",
    )
    return plan(steps(function))


def strategy_option(function: Function) -> Function:
    """Add --strategy."""
    option = click.option(
        "--strategy", default=DEFAULTS.strategy, show_default=True, help="Grouping strategy."
    )
    return option(function)


def chip_options(function: Function) -> Function:
    """As `schedule_options`, but for verbs that choose the strategies in another way."""

    @functools.wraps(function)
    def wrapper(
        target: str,
        set_: tuple[str, ...],
        precision: str,
        io_dtype: str,
        timing: str,
        disable: tuple[str, ...],
        enable: tuple[str, ...],
        strategy: str = DEFAULTS.strategy,
        plan: str | None = None,
        vendor_steps: bool = False,
        **rest: Any,
    ) -> Any:
        options = ScheduleOptions(
            target=target,
            overrides=pairs(set_, "--set", "gdma.load_gbps=50"),
            precision=precision,
            io_dtype=io_dtype,
            strategy=strategy,
            plan=plan,
            vendor_steps=vendor_steps,
            timing=timing,
            disable=disable,
            enable=enable,
        )
        return function(schedule_options=options, **rest)

    for option in (
        click.option(
            "--enable", multiple=True, metavar="NAME", help="Switch a feature on; repeatable."
        ),
        click.option(
            "--disable", multiple=True, metavar="NAME", help="Switch a feature off; repeatable."
        ),
        click.option(
            "--timing", default=DEFAULTS.timing, show_default=True, help="Timing profile."
        ),
        click.option(
            "--io-dtype",
            type=click.Choice(["f32", "f16", "int8"]),
            default=DEFAULTS.io_dtype,
            show_default=True,
            help="Element type of graph inputs and outputs in DDR.",
        ),
        click.option(
            "--precision",
            type=click.Choice(PRECISIONS),
            default=DEFAULTS.precision,
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
            "--target",
            default=DEFAULTS.target,
            show_default=True,
            help="Chip: a name or a .toml file.",
        ),
    ):
        wrapper = option(wrapper)
    return wrapper  # type: ignore[return-value]  # click's decorators erase the signature


def output_option(text: str, *, required: bool = False) -> Callable[[Function], Function]:
    """Add -o FILE, which the verb gets as `output`: a path or None."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar="FILE",
        required=required,
        callback=_writable,
        help=text,
    )


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


def check_json_file(json_file: str | None) -> None:
    """LgsimError if the file of --json can surely not be written."""
    if json_file not in (None, "-"):
        check_writable(json_file)


def _writable(context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    """The file of an option, refused before the work is done if it cannot be written."""
    del context, option
    if path is not None:
        check_writable(path)
    return path


def pairs(items: tuple[str, ...], option: str, example: str) -> dict[str, str]:
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
    for name, text in pairs(items, "--shape", "input=1x3x224x224").items():
        sizes = text.lower().split("x")
        if not all(size.isdigit() and int(size) > 0 for size in sizes):
            raise LgsimError(
                f"'{text}' is not a shape", where="--shape", hint=f"like {name}=1x3x224x224"
            )
        shapes[name] = tuple(int(size) for size in sizes)
    return shapes
