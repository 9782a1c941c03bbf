"""The road of correlations: inputs that workers wrote → correlator → hits, committed with the state they leave behind.

The keeper alone goes it, across sources and workers. What `put_correlated` did not commit did not happen: after an
error the state is read again. A replay goes it once more over all inputs, in order of event time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from secops.errors import ConflictError
from secops.siem.detect.correlate import Correlator
from secops.siem.ports import (
    ALWAYS,
    Correlation,
    CorrelationDesk,
    CorrelationInput,
    CorrelationLimits,
    CorrelationState,
    HitOutcome,
    SourceClock,
    Watermark,
)

STEP_INPUTS = 5000
SAY_EVERY = timedelta(seconds=10)  # how old the state on the status page may be when nothing happens
NOTHING = HitOutcome((), (), 0)
Rules = Callable[[], Sequence[Correlation]]


def watermark(
    clocks: Mapping[str, SourceClock], waiting: Collection[str], now: datetime, lateness: timedelta
) -> Watermark:
    """What is certain to have come, from how far the sources are.

    A source that brought nothing for as long as the lateness is left out, unless records of it wait for the workers
    (``waiting``): those may be of any time.
    """
    own: dict[str, datetime] = {}
    for source in {*clocks, *waiting}:
        clock = clocks.get(source)
        if clock is None:
            own[source] = ALWAYS
        elif source in waiting or now - clock.received <= lateness:
            own[source] = clock.time - lateness
    return Watermark(min(own.values(), default=now - lateness), own, now - lateness)


class Correlating:
    """Takes up what came since the last step, and commits what it leads to."""

    def __init__(
        self,
        desk: CorrelationDesk,
        rules: Rules,
        waiting: Callable[[], Collection[str]],
        lateness: timedelta,
        limits: CorrelationLimits,
    ) -> None:
        """``rules`` are those now in force, ``waiting`` the sources of which records wait for the workers."""
        self._desk = desk
        self._rules = rules
        self._waiting = waiting
        self._lateness = lateness
        self._limits = limits
        self._in_force: Sequence[Correlation] = ()
        self._correlator: Correlator | None = None
        self._committed = CorrelationState()
        self._said: datetime | None = None
        self.behind = False  # whether more inputs waited than the last step took

    def step(self, now: datetime) -> HitOutcome:
        """One step; an error leaves what was committed before, and the next step begins there.

        Raises:
            StoreError: the records cannot be read or written.
        """
        try:
            return self._step(now)
        except ConflictError:  # a replay swapped the state
            self._correlator = None
            return NOTHING
        except BaseException:
            self._correlator = None
            raise

    def run_dry(self, now: datetime) -> None:
        """Step until no input is left."""
        before = -1
        while self._committed.cursor != before or self._correlator is None:
            before = self._committed.cursor
            self.step(now)

    def _step(self, now: datetime) -> HitOutcome:
        correlator = self._ready()
        # Clocks before inputs: an input that comes between the two is newer than what they vouch for, never late.
        mark = watermark(self._desk.correlation_clocks(), self._waiting(), now, self._lateness)
        new = self._desk.correlation_inputs(self._committed.cursor, STEP_INPUTS)
        self.behind = len(new) == STEP_INPUTS
        if self.behind:  # more may stand behind them that is older
            mark = replace(mark, general=min(mark.general, correlator.state.watermark))
        step = correlator.take(new, mark, new[-1].id if new else None)
        changed = bool(new or step.hits or step.derived or step.settled or step.dropped)
        if not changed and self._said is not None and now - self._said < SAY_EVERY:
            return NOTHING
        outcome = self._desk.put_correlated(step, self._committed, now)
        self._committed, self._said = step.state, now
        return outcome

    def _ready(self) -> Correlator:
        """The correlator with the rules in force; made anew from what is committed where it has to be."""
        rules = self._rules()
        if self._correlator is None or rules != self._in_force:
            self._committed = self._desk.correlation_state()
            kept = self._desk.correlation_kept(self._committed.cursor)
            self._correlator = Correlator(rules, self._limits, kept, self._committed)
            self._in_force = rules
        return self._correlator


def correlate_replayed(
    desk: CorrelationDesk,
    by_time: Callable[[CorrelationInput | None, int], Sequence[CorrelationInput]],
    rules: Sequence[Correlation],
    mark: Watermark,
    limits: CorrelationLimits,
    now: datetime,
) -> None:
    """Correlate all inputs of a replay, in order of event time (``by_time``: behind one of them, so many).

    What the live keeper would still wait for, waits: ``mark`` is how far the sources are.
    """
    state = desk.correlation_state()
    correlator = Correlator(rules, limits, (), state)
    last: CorrelationInput | None = None
    while new := by_time(last, STEP_INPUTS):
        last = new[-1]
        reached = Watermark(min(mark.general, last.time), mark.own, mark.grace)
        state = _commit(desk, correlator, new, reached, state, now)
    _commit(desk, correlator, (), mark, state, now)


def _commit(
    desk: CorrelationDesk,
    correlator: Correlator,
    new: Sequence[CorrelationInput],
    mark: Watermark,
    before: CorrelationState,
    now: datetime,
) -> CorrelationState:
    step = correlator.take(new, mark)
    desk.put_correlated(step, before, now)
    return step.state
