"""The wheel alone is enough: the README's main command works from another folder."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def readme_lgsim_commands() -> list[list[str]]:
    """Every `lgsim …` line of the README's console blocks."""
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return [line.split() for line in lines if line.startswith("lgsim ")]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(bin folder, empty folder) of a fresh environment that has the wheel and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "venv", "env", cwd=folder)
    scripts = folder / "env" / "bin"
    run(str(scripts / "pip"), "wheel", "-q", "--no-deps", "-w", "dist", str(ROOT), cwd=folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    run(str(scripts / "pip"), "install", "-q", str(wheel), cwd=folder)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    return scripts, elsewhere


def test_readme_commands_run_from_the_wheel(installed: tuple[Path, Path]) -> None:
    scripts, elsewhere = installed
    commands = readme_lgsim_commands()
    assert commands, "the README shows no lgsim command"
    for command in commands:
        run(str(scripts / "lgsim"), *command[1:], cwd=elsewhere)


def test_wheel_installs_one_package(installed: tuple[Path, Path]) -> None:
    scripts, elsewhere = installed
    names = ("hardware", "models", "tests")
    code = f"from importlib.util import find_spec; print([n for n in {names} if find_spec(n)])"
    assert run(str(scripts / "python"), "-c", code, cwd=elsewhere).strip() == "[]"
    listing = run(str(scripts / "python"), "-m", "lgsim", "models", "--json", cwd=elsewhere)
    assert "resnet50" in listing
