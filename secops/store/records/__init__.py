"""The records database: hits, alerts, users, sessions, the audit log; SQLite (WAL) by default, PostgreSQL by URL.

`open_records` gives the `Records` object, which is the `HitSink` and the `AlertDesk` of the SIEM wing. Modules:
``tables`` (what all wings share), ``siem_tables`` and ``access_tables``, ``engine`` (transactions), ``migrations``,
``sink`` (hits in), ``queue`` (reading), ``actions`` (what people do), ``replay``, ``accounts``.
"""

from secops.store.records.records import Records, open_records

__all__ = ["Records", "open_records"]
