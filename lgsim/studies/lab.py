"""`Lab`: what experiments share. Networks are built once, and equal simulations run once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import ModuleType

from lgsim.frontends import load_model
from lgsim.frontends.script import load_script
from lgsim.graph import Graph
from lgsim.pipeline import planned, prepare_network, simulated
from lgsim.planner import Plan
from lgsim.planner.group import GroupEvaluator
from lgsim.resources import models_dir
from lgsim.settings import Options, Settings
from lgsim.simulator.engines import Int64s
from lgsim.target.chip import Chip

GROUPED = "dp"
"""The strategy that stands for `with layer groups`, unless a lab is given another."""

_NO_OVERRIDES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Result:
    """What experiments need of a simulation; commands are left behind, so that many fit memory.

    Attributes
    ----------
    graph : Graph
        The network as scheduled.
    plan : Plan
        Its sections.
    section_cycles : array of int64, shape (sections,)
        Time each section adds.
    macs, params : int
        Totals of the network as built.
    cycles, gdma_busy_cycles, bdc_busy_cycles, overlap_cycles : int
        Duration, busy time of both engines, and time in which both are busy.
    load_bytes, store_bytes : int
        Traffic of global memory.
    clock_mhz : int
        Turns cycles into time.
    """

    graph: Graph
    plan: Plan
    section_cycles: Int64s
    macs: int
    params: int
    cycles: int
    gdma_busy_cycles: int
    bdc_busy_cycles: int
    overlap_cycles: int
    load_bytes: int
    store_bytes: int
    clock_mhz: int

    @property
    def latency_ms(self) -> float:
        """Duration in milliseconds."""
        return self.cycles / (self.clock_mhz * 1e3)

    @property
    def gmem_bytes(self) -> int:
        """Bytes read from and written to global memory."""
        return self.load_bytes + self.store_bytes

    @property
    def groups(self) -> int:
        """Number of layer groups."""
        return sum(section.kind == "group" for section in self.plan.sections)

    @property
    def teraflops(self) -> float:
        """Computing density: 10¹² floating-point operations (two per MAC) per second."""
        return 2 * self.macs / self.latency_ms / 1e9

    @property
    def teraparams(self) -> float:
        """Parameter density: 10¹² parameters per second of latency (TRT-ViT, §3)."""
        return self.params / self.latency_ms / 1e9


class Lab:
    """Builds and simulates for experiments, keeping what it has done.

    Parameters
    ----------
    strategy : str
        The strategy that groups.
    target : str
        Chip everything is simulated on.
    """

    def __init__(self, strategy: str = GROUPED, target: str = "bm1684x") -> None:
        self.strategy = strategy
        self.target = target
        self._graphs: dict[tuple[str, str], Graph] = {}
        self._results: dict[tuple[object, ...], Result] = {}
        self._scripts: dict[str, ModuleType] = {}
        self._evaluators: dict[Chip, GroupEvaluator] = {}

    def net(self, name: str, **args: object) -> Graph:
        """A network of the zoo with some of its free parameters."""
        key = (name, repr(sorted(args.items())))
        if key not in self._graphs:
            self._graphs[key] = load_model(name, args=args)
        return self._graphs[key]

    def script(self, name: str) -> ModuleType:
        """The namespace of a zoo script, for its block functions."""
        if name not in self._scripts:
            self._scripts[name] = load_script(models_dir() / f"{name}.py")
        return self._scripts[name]

    def run(
        self,
        net: str | Graph,
        *,
        precision: str = "f16",
        strategy: str | None = None,
        disable: Collection[str] = (),
        overrides: Mapping[str, str] = _NO_OVERRIDES,
        io_dtype: str = "f32",
        **args: object,
    ) -> Result:
        """Simulate a network of the zoo (with `args`) or a graph, unless that has been done.

        A graph is known by its identity: the lab keeps it, so that no other can take its place.
        """
        graph = self.net(net, **args) if isinstance(net, str) else net
        strategy = strategy or self.strategy
        key = (
            id(graph), precision, strategy, frozenset(disable), tuple(sorted(overrides.items())),
            io_dtype,
        )  # fmt: skip
        if key not in self._results:
            self._graphs[(f"#{id(graph)}", "")] = graph
            options: Options = {
                "target": self.target,
                "precision": precision,
                "strategy": strategy,
                "disable": disable,
                "overrides": overrides,
                "io_dtype": io_dtype,
            }
            self._results[key] = self._simulate(graph, options)
        return self._results[key]

    def _simulate(self, graph: Graph, options: Options) -> Result:
        """One simulation; what is known of layer groups on the same chip serves this one too."""
        prepared = prepare_network(graph, Settings(**options))
        mine = prepared.evaluator
        first = self._evaluators.setdefault(prepared.chip, mine)
        if first is not mine:
            prepared = replace(prepared, evaluator=first.sibling(mine.features, mine.planning))
        done = simulated(prepared, planned(prepared))
        timeline = done.timeline
        return Result(
            graph=done.graph,
            plan=done.plan,
            section_cycles=timeline.section_cycles(),
            macs=done.macs,
            params=done.params,
            cycles=done.cycles,
            gdma_busy_cycles=timeline.gdma_busy_cycles,
            bdc_busy_cycles=timeline.bdc_busy_cycles,
            overlap_cycles=timeline.overlap_cycles,
            load_bytes=timeline.program.gmem_load_bytes,
            store_bytes=timeline.program.gmem_store_bytes,
            clock_mhz=done.clock_mhz,
        )
