"""Where the data folders `hardware/` and `models/` are: in a checkout, or inside the package."""

from __future__ import annotations

from pathlib import Path


def hardware_dir() -> Path:
    """Folder of the chip descriptions (`*.toml`)."""
    return _data_dir("hardware")


def models_dir() -> Path:
    """Folder of the zoo's model scripts (`*.py`)."""
    return _data_dir("models")


def _data_dir(name: str) -> Path:
    """A data folder at the top of the checkout, else the copy that the wheel put into the package.

    The project file beside it tells a checkout from an unrelated folder of that name which
    happens to lie next to an installed package.
    """
    package = Path(__file__).resolve().parent
    top = package.parent
    if (top / "pyproject.toml").is_file() and (top / name).is_dir():
        return top / name
    return package / name
