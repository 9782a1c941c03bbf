"""Collectors: put raw records with their origin durably into the journal, and only then acknowledge.

The pure parts (`lines`, `documents`, `syslog_frames`, `recognise`) turn bytes into records; `tail`, `drop`, `syslog`
and `ingest` do the reading; `commit` is their one way to the journal.
"""

from __future__ import annotations

from secops.siem.collect.ingest import FileReport, Summary, files_of, one_shot
from secops.siem.collect.recognise import FORMATS, Guess

__all__ = ["FORMATS", "FileReport", "Guess", "Summary", "files_of", "one_shot"]
