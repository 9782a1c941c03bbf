"""What the rooms of this wing pass to each other and ask of the outside, in the wing's own types.

Values are frozen dataclasses; protocols are what `store/`, `journal/` and `detect/` implement and tests fake. The
contract suites in `tests/contract/` run over every implementation of a protocol.

A name brings its module only when it is asked for: all together are 0.1 s, and a hunt needs a few.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secops.siem.ports.correlation import (
        ALWAYS,
        NEVER,
        SHOWN_FIELDS,
        Correlation,
        CorrelationCounts,
        CorrelationDesk,
        CorrelationInput,
        CorrelationLimits,
        CorrelationState,
        CorrelationStep,
        Feed,
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
        AlertPlace,
        Alike,
        HistoryEntry,
        State,
        Verdict,
    )
    from secops.siem.ports.detection import Detector, MatchedValue, Normalizer, Part, RowMatch, Rule, RuleFilter
    from secops.siem.ports.events import (
        KIND_COLUMNS,
        Answer,
        EventStore,
        EventWriter,
        Found,
        Nearby,
        Place,
        Question,
        Scope,
        SeenKind,
        Span,
        StoreStats,
    )
    from secops.siem.ports.hits import (
        Contribution,
        FilterCount,
        Filtered,
        Hit,
        HitOutcome,
        HitSink,
        HitWriter,
        SourceStatus,
        Tally,
    )
    from secops.siem.ports.journal import Drop, JournalReader, JournalWriter, NewBatch, Origin, RecordBatch
    from secops.siem.ports.paging import (
        OUTGOING_LABELS,
        Attempt,
        Batch,
        Cause,
        Condition,
        Decide,
        LastPaged,
        Notice,
        NoticeState,
        Outgoing,
        OutgoingState,
        Page,
        PageDesk,
        PagingCounts,
        ReminderDesk,
    )
    from secops.siem.ports.triage import (
        BondDesk,
        Bonds,
        Bulk,
        BulkAction,
        BulkDesk,
        Chosen,
        ChosenSet,
        Handled,
        KeptHit,
        Left,
        Lengths,
        Night,
        ReviewDesk,
        SavedSearch,
        SavedSearches,
        Took,
        Undone,
        Waiting,
        WorkDesk,
    )

_MODULES = {
    "correlation": (
        "ALWAYS NEVER SHOWN_FIELDS Correlation CorrelationCounts CorrelationDesk CorrelationInput "
        "CorrelationLimits CorrelationState CorrelationStep Feed SourceClock Watermark"
    ),
    "desk": (
        "STATE_LABELS VERDICT_LABELS Alert AlertDesk AlertDetail AlertFilter AlertPage AlertPlace Alike "
        "HistoryEntry State Verdict"
    ),
    "detection": "Detector MatchedValue Normalizer Part RowMatch Rule RuleFilter",
    "events": "KIND_COLUMNS Answer EventStore EventWriter Found Nearby Place Question Scope SeenKind Span StoreStats",
    "hits": "Contribution FilterCount Filtered Hit HitOutcome HitSink HitWriter SourceStatus Tally",
    "journal": "Drop JournalReader JournalWriter NewBatch Origin RecordBatch",
    "paging": (
        "OUTGOING_LABELS Attempt Batch Cause Condition Decide LastPaged Notice NoticeState Outgoing "
        "OutgoingState Page PageDesk PagingCounts ReminderDesk"
    ),
    "triage": (
        "BondDesk Bonds Bulk BulkAction BulkDesk Chosen ChosenSet Handled KeptHit Left Lengths Night ReviewDesk "
        "SavedSearch SavedSearches Took Undone Waiting WorkDesk"
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """A name from the module that defines it, kept for the next who asks."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    return found


__all__ = [
    "ALWAYS",
    "KIND_COLUMNS",
    "NEVER",
    "OUTGOING_LABELS",
    "SHOWN_FIELDS",
    "STATE_LABELS",
    "VERDICT_LABELS",
    "Alert",
    "AlertDesk",
    "AlertDetail",
    "AlertFilter",
    "AlertPage",
    "AlertPlace",
    "Alike",
    "Answer",
    "Attempt",
    "Batch",
    "BondDesk",
    "Bonds",
    "Bulk",
    "BulkAction",
    "BulkDesk",
    "Cause",
    "Chosen",
    "ChosenSet",
    "Condition",
    "Contribution",
    "Correlation",
    "CorrelationCounts",
    "CorrelationDesk",
    "CorrelationInput",
    "CorrelationLimits",
    "CorrelationState",
    "CorrelationStep",
    "Decide",
    "Detector",
    "Drop",
    "EventStore",
    "EventWriter",
    "Feed",
    "FilterCount",
    "Filtered",
    "Found",
    "Handled",
    "HistoryEntry",
    "Hit",
    "HitOutcome",
    "HitSink",
    "HitWriter",
    "JournalReader",
    "JournalWriter",
    "KeptHit",
    "LastPaged",
    "Left",
    "Lengths",
    "MatchedValue",
    "Nearby",
    "NewBatch",
    "Night",
    "Normalizer",
    "Notice",
    "NoticeState",
    "Origin",
    "Outgoing",
    "OutgoingState",
    "Page",
    "PageDesk",
    "PagingCounts",
    "Part",
    "Place",
    "Question",
    "RecordBatch",
    "ReminderDesk",
    "ReviewDesk",
    "RowMatch",
    "Rule",
    "RuleFilter",
    "SavedSearch",
    "SavedSearches",
    "Scope",
    "SeenKind",
    "SourceClock",
    "SourceStatus",
    "Span",
    "State",
    "StoreStats",
    "Tally",
    "Took",
    "Undone",
    "Verdict",
    "Waiting",
    "Watermark",
    "WorkDesk",
]
