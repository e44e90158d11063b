"""What `import lgsim` offers as functions: from a network and a chip to an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Unpack

from lgsim.errors import LgsimError
from lgsim.graph import Graph
from lgsim.pipeline import given_plan, lowered, planned, prepare_network, simulated
from lgsim.rewrites import RewriteLog
from lgsim.settings import DEFAULTS, STRATEGIES_TO_COMPARE, Options, Settings, refuse_single

if TYPE_CHECKING:
    from lgsim.analysis.ablation import Progress
    from lgsim.answers.ablation import Ablation
    from lgsim.answers.comparison import Comparison
    from lgsim.answers.explanation import Explanation
    from lgsim.answers.run import Run
    from lgsim.planner import Plan


def simulate(net: str | PathLike[str] | Graph, **options: Unpack[Options]) -> Run:
    """Plan a network for a chip and simulate it.

    Parameters
    ----------
    net : str, path or Graph
        A zoo name, a file (see `load_model`), or a graph as imported.
    **options
        The parameters of `Settings`, by keyword.

    Returns
    -------
    Run

    Raises
    ------
    LgsimError
        If the input cannot be used; InfeasibleError if nothing fits the chip.
    """
    from lgsim.answers.run import Run

    prepared = prepare_network(net, Settings(**options))
    return Run.of(simulated(prepared, planned(prepared)))


def prepare(
    imported: Graph,
    *,
    precision: str = DEFAULTS.precision,
    io_dtype: str = DEFAULTS.io_dtype,
    features: Mapping[str, bool] | None = None,
) -> Graph:
    """Rewrite and lower a graph; `imported` is left as it is.

    One that is lowered already (tpu-mlir's) only gets the vendor's last clean-up. The ops of the
    result stand in the order in which they are planned.
    """
    disabled = frozenset(name for name, on in (features or {}).items() if not on)
    return lowered(imported, precision, io_dtype, disabled)


def explain(net: str | PathLike[str] | Graph, **options: Unpack[Options]) -> Explanation:
    """Why each op of a network may or may not be local, and what the rewrites did.

    Parameters are those of `simulate`; the network is planned, but not simulated.

    Raises
    ------
    LgsimError
        If the input cannot be used; InfeasibleError if nothing fits the chip.
    """
    from lgsim.analysis.explanation import explanation
    from lgsim.answers.explanation import Explanation

    log = RewriteLog()
    prepared = prepare_network(net, Settings(**options), log)
    return Explanation.of(explanation(prepared, planned(prepared), log))


def compare(
    net: str | PathLike[str] | Graph,
    strategies: Sequence[str] = STRATEGIES_TO_COMPARE,
    plans: Mapping[str, Plan | str | PathLike[str]] | None = None,
    **options: Unpack[Options],
) -> Comparison:
    """Schedule a network in several ways; it is read, rewritten and lowered once.

    Parameters
    ----------
    net : str, path or Graph
        As for `simulate`.
    strategies : sequence of str
        Grouping strategies, each once; the first is the baseline of the comparison.
    plans : mapping, optional
        Further columns: plans, or files with plans, by the name they get in the comparison.
    **options
        The parameters of `Settings`, by keyword; `strategy` and `plan` are not used.

    Raises
    ------
    LgsimError
        If there is nothing to compare, a name occurs twice, or the input cannot be used.
    """
    from lgsim.answers.comparison import Comparison
    from lgsim.answers.run import Run

    refuse_single(strategies, "strategies")
    plans = plans or {}
    labels = (*strategies, *plans)
    twice = [label for label in labels if labels.count(label) > 1]
    if twice or not labels:
        what = f"'{twice[0]}' occurs twice" if twice else "nothing to compare"
        raise LgsimError(what, hint="name some strategies, each once")
    prepared = prepare_network(net, Settings(**options))
    found = [planned(prepared, strategy) for strategy in strategies]
    found += [given_plan(prepared, plan) for plan in plans.values()]
    return Comparison(labels, tuple(Run.of(simulated(prepared, plan)) for plan in found))


def ablate(
    net: str | PathLike[str] | Graph,
    features: Sequence[str] = (),
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> Ablation:
    """What each rewrite, capability and planner feature is worth in a network.

    Parameters
    ----------
    net : str, path or Graph
        As for `simulate`.
    features : sequence of str
        What to switch off, in the order in which it is switched on again; names joined by ``+``
        are switched together. All features of the precision if there are none.
    progress : callable, optional
        Called with the number of features done, and of all.
    **options
        The parameters of `Settings`, by keyword. What `disable` names stays off throughout.

    Raises
    ------
    LgsimError
        If a feature is unknown, named twice or off, or the input cannot be used.
    """
    from lgsim.analysis.ablation import ablation
    from lgsim.answers.ablation import Ablation

    refuse_single(features, "features")
    return Ablation.of(ablation(net, Settings(**options), features, progress))
