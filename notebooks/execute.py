"""Runs the notebooks and writes their outputs into them: ``python notebooks/execute.py [NAME …]``.

A light stand-in for Jupyter: the code cells of a notebook run in order in one namespace, and leave
what Jupyter would show: text that was printed, the value of the last expression, and the figures
of pyplot. Nothing else is written (no times, no counts that change), so that running a notebook
again changes it only if its results have changed.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
_LINE_WIDTH = 1200
_COLORS = 128


def notebooks() -> list[Path]:
    """All notebooks, in order."""
    return sorted(FOLDER.glob("*.ipynb"))


def read(path: Path) -> dict[str, Any]:
    """The notebook in a file."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def write(path: Path, notebook: dict[str, Any]) -> None:
    """Write a notebook as Jupyter formats it."""
    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def execute(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook with the outputs that its cells have now.

    Cells run in this folder. What a cell raises is raised.
    """
    import matplotlib

    matplotlib.use("Agg")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cells, count = [], 0
    with contextlib.chdir(FOLDER), _importable(FOLDER), matplotlib.rc_context():
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                count += 1
                outputs = _run("".join(cell["source"]), namespace, count)
                cell = {**cell, "execution_count": count, "outputs": outputs}
            cells.append(cell)
    return {**notebook, "cells": cells}


@contextlib.contextmanager
def _importable(folder: Path) -> Any:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("look", None)  # as in a process of its own


def _run(source: str, namespace: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Run a cell; its outputs."""
    from matplotlib import pyplot as plt

    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(body, []), "<cell>", "exec"), namespace)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        text = printed.getvalue().splitlines(keepends=True)
        outputs.append({"name": "stdout", "output_type": "stream", "text": text})
    if value is not None and not source.rstrip().endswith(";"):
        shown = {"data": _data(value), "metadata": _described(getattr(value, "figure", None))}
        outputs.append({"execution_count": count, "output_type": "execute_result", **shown})
    for number in plt.get_fignums():
        figure, stream = plt.figure(number), io.BytesIO()
        figure.savefig(stream, format="png", bbox_inches="tight", dpi=100)
        data = {"image/png": _base64(stream.getvalue()), "text/plain": ["<Figure>"]}
        shown = {"data": data, "metadata": _described(figure)}
        outputs.append({"output_type": "display_data", **shown})
    plt.close("all")
    return outputs


def _data(value: object) -> dict[str, Any]:
    """A value in the forms it has for a page."""
    data: dict[str, Any] = {"text/plain": repr(value).splitlines(keepends=True)}
    if hasattr(value, "_repr_markdown_"):
        data["text/markdown"] = value._repr_markdown_().splitlines(keepends=True)
    if hasattr(value, "_repr_png_"):
        data["image/png"] = _base64(value._repr_png_())
    return data


def _described(figure: Any) -> dict[str, Any]:
    """The titles of a figure, for readers who do not see it."""
    if figure is None:
        return {}
    titles = [text.get_text() for text in figure.texts[:1]]
    titles += [title for axes in figure.axes if (title := axes.get_title("left"))]
    return {"image/png": {"alt": "; ".join(titles)}}


def _base64(png: bytes) -> str:
    """A picture, made small: no wider than a page, and of as many colours as it needs."""
    from PIL import Image

    image = Image.open(io.BytesIO(png)).convert("RGB")
    if image.width > _LINE_WIDTH:
        size = (_LINE_WIDTH, image.height * _LINE_WIDTH // image.width)
        image = image.resize(size, Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small = image.quantize(_COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small.save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()


def main(names: list[str]) -> None:
    """Run the notebooks whose file names begin with one of `names`, or all of them."""
    for path in notebooks():
        if not names or path.name.startswith(tuple(names)):
            write(path, execute(read(path)))


if __name__ == "__main__":
    main(sys.argv[1:])
