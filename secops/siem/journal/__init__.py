"""The journal: durable, hash-chained and signed; the source of truth for logs."""

from secops.siem.journal.catalogue import SegmentInfo
from secops.siem.journal.failure import DamagedError
from secops.siem.journal.journal import Journal, create_journal
from secops.siem.journal.keys import create_keys, load_public_key
from secops.siem.journal.retention import Retired
from secops.siem.journal.verify import ChainHead, Finding, Removed, Report, verify

__all__ = [
    "ChainHead",
    "DamagedError",
    "Finding",
    "Journal",
    "Removed",
    "Report",
    "Retired",
    "SegmentInfo",
    "create_journal",
    "create_keys",
    "load_public_key",
    "verify",
]
