"""What can be asked about alerts in the search language of events: field names, their values, an alert as it is read.

=========================  ==========================================================================================
typed                      what it is
=========================  ==========================================================================================
a bare word or "phrase"    a part of a title or of an entity (machine, person, address …)
``number``                 the alert's number
``severity``               a level by its code or Japanese word, with an order: ``severity:>=high``
``state`` ``verdict``      a code or the word on the screen
``zone`` ``department``    as they stand in the alert
``assignee`` ``rule``      a login name (``NOT assignee:*`` is nobody); the id of the rule
``title``                  the whole title, in either language; ``title:*マクロ*`` for a part
``category`` ``clause``    of an alert that a person reported; of the policy
``host`` ``user`` ``ip``   any of the entities that name a machine, a person, an address
``source.ip`` …            one entity, by its ECS name
``opened`` ``closed``      moments: ``opened:2026-11-23``, ``closed:>=24h``
``first`` ``last``         the first and the last detection
=========================  ==========================================================================================

An alert that leads others is also found by their titles and entities: it stands for them in the queue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from secops.errors import QueryError
from secops.locale import _
from secops.query.fields import Kind, Vocabulary
from secops.schema.severity import Severity
from secops.schema.text import fold
from secops.siem.ports import STATE_LABELS, VERDICT_LABELS, Alert
from secops.siem.triage.identity import DESTINATION, MACHINE, PERSON

KINDS: Mapping[str, Kind] = {
    "number": Kind.NUMBER,
    "severity": Kind.NUMBER,
    "state": Kind.CODE,
    "verdict": Kind.CODE,
    "zone": Kind.NAME,
    "department": Kind.NAME,
    "assignee": Kind.NAME,
    "rule": Kind.NAME,
    "title": Kind.NAME,
    "category": Kind.NAME,
    "clause": Kind.NAME,
    "opened": Kind.DATE,
    "closed": Kind.DATE,
    "first": Kind.DATE,
    "last": Kind.DATE,
}
"""The fields that every alert has; other names are those of entities."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "host": tuple(name for name in MACHINE if name != "source.ip"),
    "user": PERSON,
    "ip": ("source.ip", *(name for name in DESTINATION if name.endswith(".ip"))),
}
"""Short names for several entities."""


def _fields(name: str) -> tuple[str, ...]:
    return GROUPS.get(name) or ((name,) if name in KINDS or "." in name else ())


def _unknown(name: str) -> str:
    known = _("アラートに「{name}」という項目はありません。使えるもの: {known}、または source.ip などの対象の項目")
    return known.format(name=name[:40], known=", ".join([*KINDS, *GROUPS]))


_CODES: Mapping[str, Mapping[str, str]] = {
    "severity": {word: str(int(one)) for one in Severity for word in (one.code, one.label, str(int(one)))},
    "state": {word: state.value for state, label in STATE_LABELS.items() for word in (state.value, fold(label))},
    "verdict": {word: one.value for one, label in VERDICT_LABELS.items() for word in (one.value, fold(label))},
}


def _value(field: str, text: str) -> str:
    codes = _CODES.get(field)
    if codes is None:
        return text
    if (found := codes.get(fold(text))) is None:
        expected = ", ".join(word for word in codes if not word.isdigit())
        raise QueryError(
            _("「{field}」に「{found}」は使えません。使えるもの: {expected}").format(
                field=field, found=text[:40], expected=expected
            )
        )
    return found


ALERTS = Vocabulary(
    kind=lambda field: KINDS.get(field, Kind.NAME),
    fields=_fields,
    value=_value,
    searched=lambda field: field == "title" or field not in KINDS,
    characters=2_000,
    conditions=30,  # each may have to look at every alert
    unknown=_unknown,
)


def names(alert: Alert) -> dict[str, list[str]]:
    """What names an alert or whom it is about: titles, entities, and the clauses of its rule."""
    found = {"title": [alert.title, alert.title_en], "clause": list(alert.clauses)}
    for name, value in alert.entities.items():
        found.setdefault(f"entity.{name}" if name in KINDS else name, []).append(value)
    return {name: given for name, values in found.items() if (given := [one for one in values if one])}


def facts(alert: Alert, members: Sequence[Alert] = ()) -> dict[str, Any]:
    """An alert as a query reads it; ``members`` are the alerts merged into it that the reader may see."""
    found: dict[str, Any] = {}
    for one in (alert, *members):
        for name, values in names(one).items():
            found[name] = [*found.get(name, ()), *values]
    return found | {
        "number": alert.id,
        "severity": int(alert.severity),
        "state": alert.state.value,
        "verdict": alert.verdict.value if alert.verdict else None,
        "zone": alert.zone or None,
        "department": alert.department or None,
        "assignee": alert.assignee or None,
        "rule": alert.rule_id or None,
        "category": alert.category or None,
        "opened": alert.opened_at,
        "closed": alert.closed_at,
        "first": alert.first_seen,
        "last": alert.last_seen,
    }
