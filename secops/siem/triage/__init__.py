"""Hits become alerts: keys, severity, states, limits, cases reported by people.

Pure functions only; `secops.store.records` and the tests' in-memory desk run the same ones:

* `identity`: hit → key, entities and severity of the alert it belongs to;
* `grouping`: many hits → one `Group` per key, ready to open or raise an alert;
* `states`: 未対応 → 対応中 → 対応完了 and back, as functions from alert to alert;
* `limits`: how many hits of an alert are kept in full;
* `manual`: what a person can report.
"""
