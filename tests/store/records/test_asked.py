"""The queue's search in SQL against the plain evaluator: random trees over alerts with odd values, for every reader."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.errors import NotFoundError, QueryError
from secops.query.evaluate import check, matches
from secops.query.parse import parse
from secops.query.tree import All, And, Between, Exists, Like, Node, Not, Or, Term, Text, Wild
from secops.schema.severity import Severity
from secops.siem.ports import Alert, AlertFilter, AlertPlace, Hit, Rule, Scope, Verdict
from secops.siem.triage.search import ALERTS, KINDS, facts
from secops.store.records import Records, open_records
from tests.contract.test_records_desk import RULE
from tests.databases import new_records

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
ODD = [
    "a", "A", "Ａ", "ab", "a%b", "a_b", "a*b", "a?b", "[a]", "[", "]", "\\",
    "a\\b", "^", '"', "'", "{}", "ß", "SS", "ﬁ",
    "ｶﾞ", "ガ", "İ", "ς", "①", "1", "10.1.2.3", "10.1.2.30", "fe80::1",
    "host.name=a", "=", "区民課", "K-0213", "k-02", "null",
]  # fmt: skip
WORDS = st.one_of(st.sampled_from([*ODD, "", "\x00", "\n", "\x1f", "\ud800"]), st.text(max_size=4))
ENTITIES = ["host.name", "labels.device", "user.name", "source.ip", "destination.ip", "Host.Name", "zone"]
ZONES = ["lgwan", "internet", "mynumber"]
DEPARTMENTS = ["kumin", "区民課", "ｋ", ""]
RULES = {
    f"r{n}": Rule(
        **{name: getattr(RULE, name) for name in RULE.__dataclass_fields__}
        | {
            "id": f"r{n}",
            "title": title,
            "title_ja": ja,
            "clauses": clauses,
            "group_by": ("host.name", "user.name", "zone", "Host.Name"),
        }
    )
    for n, (title, ja, clauses) in enumerate(
        [("Macro a%b", "マクロ", ("mic-2025-03-6.4",)), ("ＡＢ", "[a]", ()), ("x", "a_b", ("c", "mic-2025-03-3"))]
    )
}
SCOPES = [
    Scope(),
    Scope(zones=frozenset({"lgwan"})),
    Scope(zones=frozenset({"lgwan", "internet"}), departments=frozenset({"kumin", ""})),
    Scope(zones=frozenset()),
]


def hit(seq: int, choose: random.Random) -> Hit:
    names = choose.sample(ENTITIES, choose.randint(1, 4))
    event = {name: choose.choice(ODD) for name in names} | {"labels.department": choose.choice(DEPARTMENTS)}
    at = NOW + timedelta(minutes=seq)
    level = choose.choice(list(Severity))
    return Hit(choose.choice([*RULES, "gone"]), level, f"w.win.{seq}", "win", seq, at, at, choose.choice(ZONES), event)


def fill(records: Records) -> None:
    choose = random.Random(7)  # the same alerts every time
    for seq in range(1, 60):
        records.put_hits([hit(seq, choose)], {"win": seq}, NOW + timedelta(minutes=seq))
    records.open_manual(
        title="[紛失] 100%_x", category="loss", zone="lgwan", severity=Severity.LOW, department="区民課",
        text="", actor="a", now=NOW,
    )  # fmt: skip
    found = [alert.id for alert in records.alerts(AlertFilter(), Scope(), limit=200).alerts]
    choose.shuffle(found)
    who: dict[str, Any] = {"actor": "a", "scope": Scope(), "now": NOW + timedelta(hours=2)}
    for at, number in enumerate(found[:20]):
        records.assign([number], choose.choice(["sato", "ＳＡＴＯ", "a_b", "k-02"]), **who)
        if at % 2:
            records.close([number], choose.choice(list(Verdict)), "x", **who)
    records.merge(found[20], found[21:24], **who)
    records.merge(found[24], found[25:27], **who)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def records(request: Any, tmp_path_factory: Any) -> Iterator[Records]:
    with ExitStack() as kept:
        postgresql = request.param == "postgresql"
        place = kept.enter_context(request.getfixturevalue("postgres").database()) if postgresql else ""
        opened = open_records(place or new_records(tmp_path_factory.mktemp("asked") / "r.db"), list(RULES.values()))
        fill(opened)
        yield opened
        opened.dispose()


@pytest.fixture(scope="module")
def everything(records: Records) -> list[Alert]:
    """Each alert, those that are merged into others too."""
    found: list[Alert] = []
    with suppress(NotFoundError):
        found.extend(records.detail(number, Scope()).alert for number in count(1))
    assert len(found) > 40
    return found


FIELDS = st.sampled_from([*KINDS, *ENTITIES, "host.hostname", "missing.field"])
MOMENTS = st.integers(-2, 130).map(lambda n: (NOW + timedelta(minutes=n)).isoformat())
NUMBERS = st.one_of(st.integers(-2, 70).map(str), st.sampled_from(["1.5", "-3", "3.0", "9" * 18]))
VALUES = st.one_of(
    WORDS, MOMENTS, NUMBERS,
    st.sampled_from([*ZONES, *DEPARTMENTS, *RULES, "gone", "sato", "open", "closed", "in_progress", "LOSS"]),
    st.sampled_from([one.value for one in Verdict]),
)  # fmt: skip
MARKS = st.lists(st.one_of(WORDS, st.builds(Wild, st.booleans())), min_size=1, max_size=4).map(tuple)
BOUNDS = st.one_of(NUMBERS, MOMENTS)
LEAVES = st.one_of(
    st.builds(Term, FIELDS, VALUES),
    st.builds(Like, FIELDS, MARKS),
    st.builds(Between, FIELDS, st.one_of(BOUNDS, st.none()), BOUNDS, st.booleans(), st.booleans()),
    st.builds(Between, FIELDS, BOUNDS, st.none(), st.booleans()),
    st.builds(Exists, FIELDS),
    st.builds(Text, WORDS),
    st.builds(All),
)


def able(node: Node) -> bool:
    try:
        check(node, ALERTS)
    except QueryError:
        return False
    return True


TREES = st.recursive(
    LEAVES.filter(able),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)


def expected(everything: Sequence[Alert], node: Node, scope: Scope) -> list[int]:
    """What a reader should find, worst first, by the evaluator alone."""
    seen = {
        alert.id: alert
        for alert in everything
        if (scope.zones is None or alert.zone in scope.zones)
        and (scope.departments is None or alert.department in scope.departments)
    }
    found = [
        alert
        for alert in seen.values()
        if alert.merged_into not in seen
        and matches(node, facts(alert, [one for one in seen.values() if one.merged_into == alert.id]), ALERTS)
    ]
    return [one.id for one in sorted(found, key=lambda a: (a.severity, a.last_seen, a.id), reverse=True)]


@given(node=TREES, scope=st.sampled_from(SCOPES))
def test_the_store_finds_what_the_evaluator_finds(records: Records, everything: list[Alert], node: Node, scope: Scope):
    wanted = AlertFilter(query=node)
    whole = expected(everything, node, scope)
    page = records.alerts(wanted, scope, limit=100)
    assert ([one.id for one in page.alerts], page.total) == (whole, len(whole))
    # Pages by their last row: exact totals, nobody passed over.
    seen: list[int] = []
    while page.alerts and len(seen) < len(whole):
        last = page.alerts[-1] if seen else None
        place = AlertPlace(last.severity, last.last_seen, last.id) if last else None
        page = records.alerts(wanted, scope, limit=13, after=place)
        assert (page.total, page.ahead) == (len(whole), len(seen))
        seen += [one.id for one in page.alerts]
    assert seen == whole


ASKED = [
    "K-0213",
    "host:k-0213",
    'NOT host:"Ｋ-0213"',
    "zone:lgwan severity:>=high",
    "state:未対応 -assignee:*",
    "assignee:sato OR assignee:k*",
    "opened:[2026-11-23T02:10 TO *] -closed:*",
    "rule:gone user:*",
    "title:*マクロ* clause:mic-2025-03-6.4",
    "number:(3 OR 5 OR 7)",
    "severity:[低 TO 高}",
]


@pytest.mark.parametrize("text", ASKED)
def test_what_people_type_finds_something_and_not_everything(records: Records, everything: list[Alert], text: str):
    node = parse(text, NOW, ALERTS)
    found = expected(everything, node, Scope())
    assert [one.id for one in records.alerts(AlertFilter(query=node), Scope(), limit=100).alerts] == found
    assert 0 < len(found) < len(everything) - 5
