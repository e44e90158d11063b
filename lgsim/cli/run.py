"""From the shared options of the scheduling verbs to a finished `Run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgsim.cli.options import NetOptions, ScheduleOptions, keywords
from lgsim.cli.output import print_warnings

if TYPE_CHECKING:
    from lgsim.answers.run import Run


def simulate_net(net: NetOptions, schedule: ScheduleOptions) -> Run:
    """Simulate what the options ask for, and print the warnings to stderr."""
    from lgsim.api import simulate

    run = simulate(net.net, **keywords(net, schedule))
    print_warnings(run.warnings)
    return run
