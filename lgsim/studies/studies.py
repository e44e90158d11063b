"""The studies by name, and running them: `lgsim study`, `lgsim.study`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module

from lgsim.errors import LgsimError
from lgsim.studies.experiment import EXPERIMENTS, Experiment, Row
from lgsim.studies.lab import GROUPED, Lab
from lgsim.studies.report import Report


@dataclass(frozen=True, slots=True)
class Study:
    """Experiments on one line of work.

    Attributes
    ----------
    name : str
        What `lgsim study` takes.
    title : str
        One line on what it is about.
    modules : tuple of str
        Modules of this package that declare its experiments.
    """

    name: str
    title: str
    modules: tuple[str, ...]


STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        Study(
            "swin-1684x",
            "Swin-T on a BM1684X: no permutes in attention, three fixes for layer groups.",
            ("swin_graph", "swin_groups", "swin_latency"),
        ),
        Study(
            "memory-bound",
            "What makes a Vision Transformer memory-bound (EfficientViT).",
            ("memory_bound", "efficientvit"),
        ),
        Study(
            "design-rules",
            "Which blocks belong in which stage (TRT-ViT), on another chip.",
            ("design_rules", "mix_blocks"),
        ),
        Study(
            "relative-position",
            "What relative position encoding costs (iRPE).",
            ("relative_position",),
        ),
    )
}


_LONGEST = (
    "design_rules",
    "efficientvit",
    "relative_position",
    "swin_groups",
    "memory_bound",
    "swin_latency",
    "mix_blocks",
    "swin_graph",
)
"""All modules, those that take longest first, so that processes end together."""


def study(
    name: str,
    strategy: str = GROUPED,
    only: Collection[int] | None = None,
    lab: Lab | None = None,
) -> Report:
    """Run a study.

    Parameters
    ----------
    name : str
        One of `STUDIES`.
    strategy : str
        The strategy that stands for layer groups.
    only : collection of int, optional
        Numbers of the experiments to run; all of the study by default.
    lab : Lab, optional
        Where to run it, with a strategy of its own; a lab remembers its simulations.

    Returns
    -------
    Report
        Rows with claims, what was measured, and verdicts; figures on demand.

    Raises
    ------
    LgsimError
        If there is no study of that name.
    """
    if name not in STUDIES:
        near = get_close_matches(name, STUDIES, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(STUDIES)}"
        raise LgsimError(f"there is no study '{name}'", hint=hint)
    mine = [found for module in STUDIES[name].modules for found in _declared(module)]
    numbers = {found.number for found in mine}
    if only is not None and not numbers >= set(only):
        missing = min(set(only) - numbers)
        limit = f"it has {', '.join(map(str, sorted(numbers)))}"
        raise LgsimError(f"study '{name}' has no experiment {missing}", limit=limit)
    lab = lab or Lab(strategy)
    return _report(_run(found, lab) for found in mine if only is None or found.number in only)


def all_studies(strategy: str = GROUPED, jobs: int = 1) -> Report:
    """Run every study, in `jobs` processes; parameters are those of `study`."""
    modules = [module for study in STUDIES.values() for module in study.modules]
    if jobs == 1:
        _start_worker(strategy)
        return _report(row for module in modules for row in _rows(module))
    with ProcessPoolExecutor(jobs, initializer=_start_worker, initargs=(strategy,)) as pool:
        found = list(pool.map(_rows, sorted(modules, key=_LONGEST.index)))
    return _report(row for rows in found for row in rows)


_worker: dict[str, Lab] = {}


def _start_worker(strategy: str) -> None:
    """Give this process a lab, which serves all modules that it is handed."""
    _worker["lab"] = Lab(strategy)


def _rows(module: str) -> list[Row]:
    """Run the experiments of one module in the lab of this process."""
    return [_run(found, _worker["lab"]) for found in _declared(module)]


def _declared(module: str) -> list[Experiment]:
    """The experiments that a module of this package declares."""
    path = f"{__package__}.{module}"
    import_module(path)
    return [found for found in EXPERIMENTS.values() if found.measure.__module__ == path]


def _run(found: Experiment, lab: Lab) -> Row:
    return Row(found, found.measure(lab))


def _report(rows: Iterable[Row]) -> Report:
    return Report(tuple(sorted(rows, key=lambda row: row.experiment.number)))
