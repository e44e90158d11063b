"""Shared fixtures: where the reference figures are, and the default chip."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from lgsim.target import load_target
from lgsim.target.chip import Chip

# A change must not fail for a case that hypothesis happens to find today: CI tries the same cases
# each time, a run by hand explores new ones.
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of the reference figures; skips where it is absent.

    Some of its files may not be part of the repository; whoever has them sets LGSIM_REFERENCE or
    keeps them beside the checkout.
    """
    folder = Path(os.environ.get("LGSIM_REFERENCE", ROOT.parent / "shared" / "reference"))
    if not folder.is_dir():
        pytest.skip(f"no reference figures at {folder}; set LGSIM_REFERENCE")
    return folder


@pytest.fixture(scope="session")
def chip() -> Chip:
    """The BM1684X with the timing of the vendor's simulator."""
    return load_target("bm1684x").chip("cmodel")
