"""What starting costs: nothing is loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("matplotlib", "networkx", "onnx", "pydantic", "numpy.ma", "lgsim.analysis")


def loaded(arguments: list[str], modules: tuple[str, ...]) -> list[str]:
    """Which of the modules a process has loaded at the end of a command."""
    code = (
        "import sys, lgsim.cli\n"
        f"sys.argv = ['lgsim', *{arguments}]\n"
        "try:\n"
        "    lgsim.cli.main()\n"
        "except SystemExit:\n"
        "    pass\n"
        f"print(*[name for name in {modules} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout
    return done.stderr.split()


@pytest.mark.parametrize("strategy", ["none", "dp"])
def test_a_network_of_the_zoo_is_simulated_without_what_files_and_pictures_need(
    strategy: str,
) -> None:
    assert loaded(["simulate", "resnet18", "--strategy", strategy], HEAVY) == []


def test_help_loads_neither_numpy_nor_the_kernels() -> None:
    assert loaded(["--help"], ("numpy", "lgsim.graph", "lgsim.kernels", *HEAVY)) == []


def test_what_is_needed_is_loaded() -> None:
    assert loaded(["targets", "bm1684x"], ("pydantic",)) == ["pydantic"]
