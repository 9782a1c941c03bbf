"""From records to frames, and from frames to rules that match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from secops.schema.dates import JST
from secops.schema.severity import Severity
from secops.siem.ports.journal import RecordBatch

if TYPE_CHECKING:
    from secops.siem.ports.correlation import Correlation  # which stands above: it speaks of hits, and they of matches
if TYPE_CHECKING:  # collectors and commands that touch no frame start without polars
    import polars as pl


@dataclass(frozen=True, slots=True)
class Part:
    """Events of one shape as columns of Python values, straight from the records, without a frame.

    ``rows`` are their places in the batch. ``columns`` hold one value a row, as in the source or as ECS asks, and
    ``constants`` what all of them share; a constant goes before a column of the same name. ``complete`` says that
    nothing else is known of the events: only then can keywords be looked for in them.
    """

    rows: Sequence[int]
    columns: Mapping[str, Sequence[Any]]
    constants: Mapping[str, Any]
    complete: bool = False


class Normalizer(Protocol):
    """Turns journaled records of one format into frames (see `secops.schema.frame`): rows in, rows out, no I/O."""

    def __call__(self, batch: RecordBatch, site: str, wanted: frozenset[str]) -> list[pl.DataFrame]:
        """Never raises for what a record contains: what cannot be read becomes a ``pipeline_error`` row."""
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """What people see of a Sigma rule.

    ``clauses`` are policy clause ids (``mic-2025-03-6.1-6``), ``next_steps`` the 対応手順 in order, ``group_by`` the
    ECS fields that make two hits the same alert (empty: the default of triage). ``reason`` says why a rule is inactive.
    ``kind`` is event or correlation. One that only feeds correlations raises no alerts of its own (``alerts``).
    """

    id: str
    name: str
    title: str
    title_ja: str
    description: str
    description_ja: str
    level: Severity
    tags: tuple[str, ...]
    clauses: tuple[str, ...]
    next_steps: tuple[str, ...]
    false_positives: tuple[str, ...]
    group_by: tuple[str, ...]
    logsource: Mapping[str, str]
    path: str
    text: str
    active: bool = True
    reason: str = ""
    kind: str = "event"
    alerts: bool = True


@dataclass(frozen=True, slots=True)
class RuleFilter:
    """An exception to rules: a Sigma filter document, as people see it.

    ``owner`` answers for it, ``grounds`` say why, ``until`` is when it ends (the end of its last day, Japan time).
    ``rules`` are ids of the rules it bears on; ``every`` says that it named none but all of a logsource, ``keeps_only``
    that it suppresses everything but what it describes. ``problem`` says why it does not filter at all. ``number`` is
    that of the document in its file, from 0.
    """

    id: str
    title: str
    title_ja: str
    description: str
    owner: str
    grounds: str
    until: datetime | None
    rules: tuple[str, ...]
    every: bool
    keeps_only: bool
    logsource: Mapping[str, str]
    path: str
    text: str
    number: int = 0
    problem: str = ""

    def in_force(self, at: datetime) -> bool:
        """Whether it suppresses what was received at this moment."""
        return not self.problem and self.until is not None and at < self.until

    @property
    def expires(self) -> date | None:
        """Its last day in Japan."""
        return (self.until - timedelta(seconds=1)).astimezone(JST).date() if self.until else None


@dataclass(frozen=True, slots=True)
class MatchedValue:
    """One reason why a rule fired: in ``selection``, ``field`` with ``operator`` and ``pattern`` met ``value``."""

    selection: str
    field: str
    operator: str
    pattern: str
    value: str


@dataclass(frozen=True, slots=True)
class RowMatch:
    """A rule (its index in ``Detector.rules``) and the rows of the frame it matched, ascending.

    ``filtered`` are the rows it matched as well but filters suppressed: (row, index in ``Detector.filters``), a row
    once for each filter that suppresses it, ascending.
    """

    rule: int
    rows: Sequence[int]
    filtered: Sequence[tuple[int, int]] = ()


class Detector(Protocol):
    """The compiled rulebook."""

    rules: Sequence[Rule]
    filters: Sequence[RuleFilter]
    correlations: Sequence[Correlation]

    @property
    def wanted(self) -> frozenset[str]:
        """Columns outside ECS that some active rule reads."""
        ...

    def match(
        self,
        frame: pl.DataFrame | None,
        parts: Sequence[Part] = (),
        apart: Sequence[int] = (),
        *,
        now: datetime | None = None,
    ) -> list[RowMatch]:
        """All (rule, rows) that match, each rule at most once, in order of rule index.

        Rows that stand in ``parts`` are read from there, and from the frame only what the parts lack; no keywords are
        looked for in them (unless the part is complete). In rows ``apart`` keywords are looked for as well, in what the
        frame says of them; without a frame they are left out.

        A filter suppresses a row that was received (``event.ingested``, else ``now``) before it ends; without ``now``
        filters are left out of it: what the rules themselves say.
        """
        ...

    def explain(
        self, pairs: Sequence[tuple[int, int]], frame: pl.DataFrame | None, parts: Sequence[Part] = ()
    ) -> list[tuple[MatchedValue, ...]]:
        """Why these (rule, row) matched; only for rows that did."""
        ...

    def correlated(self, rule: int, event: Mapping[str, Any]) -> Mapping[str, Sequence[str]] | None:
        """What correlations ask of a flat event that met a rule, by Sigma field; None where none refers to the rule."""
        ...

    def likely(self, records: Sequence[bytes], parts: Sequence[Part], product: str) -> list[int]:
        """Which JSON records of a product may hold a keyword of a rule that is about it: the rows to keep ``apart``."""
        ...
