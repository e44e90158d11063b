"""Wall time and peak memory of whole `lgsim` processes, against the budgets of the project.

Run by hand, on a quiet machine with lgsim installed::

    python benchmarks/whole_process.py
    python benchmarks/whole_process.py --runs 9 swin_t

No test asserts a time; the figures belong in the note of the change that moved them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """A command and what it may cost: seconds of wall time and MiB of memory."""

    arguments: tuple[str, ...]
    seconds: float
    mebibytes: int = 200


BUDGETS = (
    Budget(("--help",), 0.25),
    Budget(("simulate", "resnet50", "--strategy", "none"), 1.0),
    Budget(("simulate", "swin_t", "--strategy", "none"), 1.5),
    Budget(("simulate", "bert_base", "--strategy", "none"), 2.0),
)


def measure(arguments: tuple[str, ...]) -> tuple[float, float]:
    """(seconds, peak MiB) of one run of ``python -m lgsim``."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "lgsim", *arguments], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"lgsim {' '.join(arguments)} failed")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    """Measure the budgeted commands, or `simulate` of the networks named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="counted runs after one warm-up")
    parser.add_argument("nets", nargs="*", help="networks or files to simulate instead")
    options = parser.parse_args()
    budgets = [Budget(("simulate", net), float("inf")) for net in options.nets] or BUDGETS
    print(f"{'command':48} {'median':>8} {'worst':>8} {'budget':>8} {'memory':>9}")
    for budget in budgets:
        measure(budget.arguments)
        runs = [measure(budget.arguments) for _ in range(options.runs)]
        seconds = [each[0] for each in runs]
        memory = max(each[1] for each in runs)
        print(
            f"{' '.join(budget.arguments):48} {statistics.median(seconds):7.2f}s"
            f" {max(seconds):7.2f}s {budget.seconds:7.2f}s {memory:5.0f} MiB"
        )


if __name__ == "__main__":
    main()
