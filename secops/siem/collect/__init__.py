"""Collectors: put raw records with their origin durably into the journal, and only then acknowledge.

The pure parts (`lines`, `documents`, `syslog_frames`, `recognise`) turn bytes into records; `tail`, `drop`, `syslog`
and `ingest` do the reading; `commit` is their one way to the journal. Nothing is imported here: a hunt only reads.
"""
