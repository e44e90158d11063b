"""Local-memory rules of the sanitizer: bounds, order of accesses, and values still in place.

The commands are replayed in issue order over a map of one lane's bytes. Every stretch of the map
knows who wrote it last, whose value that is, and who has read it since. All lanes are alike.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from lgsim.kernels.schedule import LmemSpan
from lgsim.simulator.program import Program
from lgsim.simulator.timeline import Timeline
from lgsim.simulator.violation import Violation, at_command

_Value = tuple[int, int]


@dataclass(slots=True)
class _Stretch:
    """State of neighbouring bytes with the same history; −1 stands for no command yet."""

    value: _Value
    writer: int
    readers: tuple[int, int]


_UNTOUCHED = _Stretch((-1, -1), -1, (-1, -1))


class _LaneMap:
    """One lane's bytes, cut into stretches; `starts[i]` is the first byte of `states[i]`."""

    def __init__(self) -> None:
        self.starts: list[int] = [0]
        self.states: list[_Stretch] = [_UNTOUCHED]

    def cut(self, address: int) -> int:
        """Make a stretch begin at `address`; returns its index."""
        index = bisect_left(self.starts, address)
        if index < len(self.starts) and self.starts[index] == address:
            return index
        state = self.states[index - 1]
        self.starts.insert(index, address)
        self.states.insert(index, _Stretch(state.value, state.writer, state.readers))
        return index

    def over(self, span: LmemSpan) -> Iterator[tuple[int, _Stretch]]:
        """Stretches that the span touches, uncut, and where they begin."""
        first = bisect_right(self.starts, span.address) - 1
        last = bisect_left(self.starts, span.address + span.nbytes)
        return zip(self.starts[first:last], self.states[first:last], strict=True)

    def write(self, span: LmemSpan, value: _Value, command: int) -> None:
        """Let all bytes of the span hold `value`, written by `command` and unread."""
        first = self.cut(span.address)
        last = self.cut(span.address + span.nbytes)
        self.starts[first:last] = [span.address]
        self.states[first:last] = [_Stretch(value, command, (-1, -1))]

    def read(self, span: LmemSpan, engine: int, command: int) -> None:
        """Note that `command` of `engine` read the span."""
        first = self.cut(span.address)
        last = self.cut(span.address + span.nbytes)
        for state in self.states[first:last]:
            gdma, bdc = state.readers
            state.readers = (command, bdc) if engine == 0 else (gdma, command)


def check_lmem(program: Program, timeline: Timeline, lane_bytes: int) -> list[Violation]:
    """Violations of the rules ``lmem-bounds``, ``lmem-order`` and ``lmem-value``.

    Parameters
    ----------
    program, timeline : Program, Timeline
        The commands and when they run.
    lane_bytes : int
        Local memory of a lane.
    """
    found: list[Violation] = []
    lane = _LaneMap()
    start, end = timeline.start.tolist(), timeline.end.tolist()
    columns = zip(program.records, program.engine.tolist(), program.section.tolist(), strict=True)
    for command, (record, engine, section) in enumerate(columns):
        reads = [span for span in record.reads if span.nbytes]
        writes = [span for span in record.writes if span.nbytes]
        if any(_outside(span, lane_bytes) for span in (*reads, *writes)):
            detail = f"touches bytes {_text(reads + writes)} of a lane of {lane_bytes:,} bytes"
            found.append(at_command(program, command, "lmem-bounds", detail))
            continue
        blockers: dict[int, int] = {}
        for span in reads:
            lost = _wrong_value(lane, span, (section, span.buffer))
            if lost:
                detail = f"reads value {span.buffer} at bytes {_text([span])}, "
                detail += _holder(program, *lost)
                found.append(at_command(program, command, "lmem-value", detail))
            for address, state in lane.over(span):
                blockers[state.writer] = max(address, span.address)
        for span in writes:
            for address, state in lane.over(span):
                for other in (state.writer, *state.readers):
                    blockers[other] = max(address, span.address)
        late = [other for other in blockers if other >= 0 and end[other] >= start[command]]
        if late:
            other = max(late, key=end.__getitem__)
            detail = f"uses byte {blockers[other]:,} from cycle {start[command]:,}, but command"
            detail += f" {other} uses it until {end[other]:,}"
            found.append(at_command(program, command, "lmem-order", detail))
        for span in reads:
            lane.read(span, engine, command)
        for span in writes:
            lane.write(span, (section, span.buffer), command)
    return found


def _outside(span: LmemSpan, lane_bytes: int) -> bool:
    """Whether the span leaves the lane (or has a negative length)."""
    return span.address < 0 or span.nbytes < 0 or span.address + span.nbytes > lane_bytes


def _wrong_value(lane: _LaneMap, span: LmemSpan, value: _Value) -> tuple[int, _Stretch] | None:
    """The first stretch under the span that holds something else than `value`, and its byte."""
    for address, state in lane.over(span):
        if state.value != value:
            return max(address, span.address), state
    return None


def _holder(program: Program, address: int, state: _Stretch) -> str:
    """What a stretch holds, in words."""
    if state.writer < 0:
        return f"but nothing was ever written to byte {address:,}"
    op = program.ops[int(program.op[state.writer])].name
    return f"but command {state.writer} of '{op}' put value {state.value[1]} into byte {address:,}"


def _text(spans: list[LmemSpan]) -> str:
    """Address ranges for people."""
    return ", ".join(f"{span.address}..{span.address + span.nbytes - 1}" for span in spans)
