"""What the rooms of this wing pass to each other and ask of the outside, in the wing's own types.

Values are frozen dataclasses; protocols are what `store/`, `journal/` and `detect/` implement and tests fake. The
contract suites in `tests/contract/` run over every implementation of a protocol.
"""

from secops.siem.ports.correlation import (
    Correlation,
    CorrelationCounts,
    CorrelationDesk,
    CorrelationInput,
    CorrelationLimits,
    CorrelationState,
    CorrelationStep,
    SourceClock,
    Watermark,
)
from secops.siem.ports.desk import (
    STATE_LABELS,
    VERDICT_LABELS,
    Alert,
    AlertDesk,
    AlertDetail,
    AlertFilter,
    AlertPage,
    HistoryEntry,
    State,
    Verdict,
)
from secops.siem.ports.detection import Detector, MatchedValue, Normalizer, Part, RowMatch, Rule, RuleFilter
from secops.siem.ports.events import EventStore, Found, Scope, Span, StoreStats
from secops.siem.ports.hits import (
    Contribution,
    FilterCount,
    Filtered,
    Hit,
    HitOutcome,
    HitSink,
    SourceStatus,
    Tally,
)
from secops.siem.ports.journal import Drop, JournalReader, JournalWriter, NewBatch, Origin, RecordBatch

__all__ = [
    "STATE_LABELS",
    "VERDICT_LABELS",
    "Alert",
    "AlertDesk",
    "AlertDetail",
    "AlertFilter",
    "AlertPage",
    "Contribution",
    "Correlation",
    "CorrelationCounts",
    "CorrelationDesk",
    "CorrelationInput",
    "CorrelationLimits",
    "CorrelationState",
    "CorrelationStep",
    "Detector",
    "Drop",
    "EventStore",
    "FilterCount",
    "Filtered",
    "Found",
    "HistoryEntry",
    "Hit",
    "HitOutcome",
    "HitSink",
    "JournalReader",
    "JournalWriter",
    "MatchedValue",
    "NewBatch",
    "Normalizer",
    "Origin",
    "Part",
    "RecordBatch",
    "RowMatch",
    "Rule",
    "RuleFilter",
    "Scope",
    "SourceClock",
    "SourceStatus",
    "Span",
    "State",
    "StoreStats",
    "Tally",
    "Verdict",
    "Watermark",
]
