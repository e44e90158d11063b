"""From the shared options of the scheduling verbs to a finished `Run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgsim.cli.options import NetOptions, ScheduleOptions
from lgsim.cli.output import print_warnings

if TYPE_CHECKING:
    from lgsim.api import Run


def simulate_net(net: NetOptions, schedule: ScheduleOptions) -> Run:
    """Simulate what the options ask for, and print the warnings to stderr."""
    from lgsim.api import simulate

    run = simulate(
        net.net,
        target=schedule.target,
        precision=schedule.precision,
        strategy=schedule.strategy,
        timing=schedule.timing,
        batch=net.batch,
        shapes=net.shapes,
        args=net.args,
        io_dtype=schedule.io_dtype,
        disable=schedule.disable,
        enable=schedule.enable,
        overrides=schedule.overrides,
    )
    print_warnings(run.warnings)
    return run
