"""From records to frames, and from frames to rules that match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from secops.schema.severity import Severity
from secops.siem.ports.journal import RecordBatch

if TYPE_CHECKING:  # collectors and commands that touch no frame start without polars
    import polars as pl


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
    """A rule (its index in ``Detector.rules``) and the rows of the frame it matched, ascending."""

    rule: int
    rows: Sequence[int]


class Detector(Protocol):
    """The compiled rulebook."""

    rules: Sequence[Rule]
    wanted: frozenset[str]  # columns outside ECS that some active rule reads

    def match(self, frame: pl.DataFrame) -> list[RowMatch]:
        """All (rule, rows) that match, each rule at most once, in order of rule index."""
        ...

    def explain(self, rule: int, frame: pl.DataFrame, row: int) -> tuple[MatchedValue, ...]:
        """Why this rule matched this row; only for rows that did."""
        ...
