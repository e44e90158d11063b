"""The notebooks: well-formed, small, and their texts are what their cells say now.

After a change that is meant to alter figures: ``python notebooks/execute.py``, and read the diff.
"""

import base64
import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
PICTURE_BYTES = 60_000
FOLDER_BYTES = 2_000_000


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("execute_notebooks", FOLDER / "execute.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def outputs(notebook: dict[str, Any]) -> list[list[tuple[str, ...]]]:
    """Per cell what was printed or shown; of pictures only that there is one."""
    cells = []
    for cell in notebook["cells"]:
        shown = []
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            kinds = "+".join(sorted(data))
            text = output.get("text") or data.get("text/markdown")
            if text is None and "image/png" not in data:
                text = data["text/plain"]
            shown.append((kinds, "".join(text or ())))
        cells.append(shown)
    return cells


def test_there_are_seven() -> None:
    assert [path.name[:3] for path in PATHS] == [f"0{number}_" for number in range(1, 8)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_cells_say_what_is_committed(path: Path, runner: ModuleType) -> None:
    committed = runner.read(path)
    assert outputs(runner.execute(committed)) == outputs(committed), (
        "outputs have changed; if they should: python notebooks/execute.py"
    )


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_format(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", each) for each in ids)
    assert not any(cell["metadata"] for cell in notebook["cells"])


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_is_an_essay(path: Path) -> None:
    # More words than code, pictures, and no wall of output.
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    prose = [cell for cell in cells if cell["cell_type"] == "markdown"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    shown = [output for cell in code for output in cell["outputs"]]
    pictures = [output["data"]["image/png"] for output in shown if _is_picture(output)]
    assert len(prose) >= 5
    assert len(pictures) >= 2
    assert max(len(base64.b64decode(picture)) for picture in pictures) < PICTURE_BYTES
    assert all(output["metadata"]["image/png"]["alt"] for output in shown if _is_picture(output))
    assert max(len(output.get("text", ())) for output in shown) <= 40
    assert max(len(cell["source"]) for cell in code) <= 30


def _is_picture(output: dict[str, Any]) -> bool:
    return "image/png" in output.get("data", {})


def test_links_lead_to_notebooks() -> None:
    names = {path.name for path in PATHS}
    for path in PATHS:
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"\]\((\w+\.ipynb)\)", text)) <= names


def test_folder_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < FOLDER_BYTES
