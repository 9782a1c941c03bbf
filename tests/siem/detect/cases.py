"""Rules and events as short as a test can write them."""

from __future__ import annotations

import json

import polars as pl

ANYTHING = "logsources: [{product: any, prefixes: ['']}]"


def rule_file(number, detection, **more):
    rule = {
        "title": f"Rule {number}",
        "id": f"00000000-0000-4000-8000-{number:012}",
        "logsource": {"product": "any"},
        "level": "high",
        "detection": detection,
        **more,
    }
    return f"rules/{number}.yml", json.dumps(rule, ensure_ascii=False)


def frame(*events):
    """Events as a frame: texts, numbers and booleans as they are, lists as List(String)."""
    names = dict.fromkeys(name for event in events for name in event)
    columns = [pl.Series("event.kind", ["event"] * len(events))]
    for name in names:
        values = [event.get(name) for event in events]
        if any(isinstance(value, list) for value in values):
            lists = [None if v is None else [str(part) for part in (v if isinstance(v, list) else [v])] for v in values]
            columns.append(pl.Series(name, lists, dtype=pl.List(pl.String)))
        else:
            kinds = {type(value) for value in values if value is not None}
            same = len(kinds) <= 1
            texts = [v if v is None or same else str(v).lower() if isinstance(v, bool) else str(v) for v in values]
            columns.append(pl.Series(name, texts) if kinds else pl.Series(name, texts, dtype=pl.String))
    return pl.DataFrame(columns)
