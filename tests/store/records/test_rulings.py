"""What people decided about links to the guideline."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secops.errors import NotFoundError, UsageError
from secops.isms.clauses.model import LinkKind
from secops.isms.policy.suggest import Pair, Ruling
from secops.store.records.engine import connect
from secops.store.records.rulings import SqlLinkRulings
from secops.store.records.trail import SqlTrail

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
PAIR = Pair("taisaku", "taisaku-a48", "mic-2025-03-6.1-2")
REFUSED = Ruling(PAIR, False, LinkKind.IMPLEMENTS, "対象が違う", "policy", NOW, "a" * 64, "b" * 64)


@pytest.fixture
def database(records_place: Path | str):
    made = connect(records_place)
    yield made
    made.close()


def test_a_ruling_is_kept_with_who_when_and_why(database):
    desk = SqlLinkRulings(database)
    desk.rule(REFUSED)
    assert desk.rulings() == [REFUSED]
    assert desk.ruling(PAIR) == REFUSED
    assert desk.ruling(replace(PAIR, clause="other")) is None


def test_the_last_ruling_of_a_pair_holds_and_all_are_in_the_trail(database):
    desk = SqlLinkRulings(database)
    desk.rule(REFUSED)
    later = replace(REFUSED, confirmed=True, kind=LinkKind.PARTLY, reason="", at=NOW + timedelta(days=1))
    desk.rule(later)
    assert desk.rulings() == [later]
    actions = [(one.action, one.actor, one.target) for one in SqlTrail(database).entries()]
    target = "policy taisaku taisaku-a48"
    assert actions == [("policy.link_confirmed", "policy", target), ("policy.link_refused", "policy", target)]


@pytest.mark.parametrize("reason", ["", "  \n", "あ" * 1001])
def test_a_refusal_needs_a_reason_of_a_reasonable_length(database, reason):
    with pytest.raises(UsageError):
        SqlLinkRulings(database).rule(replace(REFUSED, reason=reason))


def test_a_ruling_can_be_taken_back(database):
    desk = SqlLinkRulings(database)
    desk.rule(REFUSED)
    assert desk.withdraw(PAIR, by="other", now=NOW) == REFUSED
    assert desk.rulings() == []
    assert SqlTrail(database).entries()[0].action == "policy.link_withdrawn"
    with pytest.raises(NotFoundError):
        desk.withdraw(PAIR, by="other", now=NOW)
