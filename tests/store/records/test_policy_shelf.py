"""Versions of the policy's documents in the records: they only grow; drafts lose nothing that somebody else wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from secops.errors import ConflictError, NotFoundError, StoreError, UsageError
from secops.isms.clauses.markdown import digest_of, write_document
from secops.isms.clauses.model import Clause, Document, DocumentKind
from secops.isms.policy.ports import Decision, DraftChangedError, PolicyShelf
from secops.store.records.engine import Database, connect
from secops.store.records.policy import KEPT, SqlPolicyShelf
from secops.store.records.policy_tables import policy_saves, policy_statements, policy_versions
from secops.store.records.trail import SqlTrail
from tests.databases import another_program

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
DECISION = Decision(date(2027, 4, 1), "情報セキュリティ委員会", date(2027, 3, 15), "ガイドラインの改定に合わせる")


def document(text: str = "一", name: str = "taisaku") -> Document:
    return Document(name, "対策基準", DocumentKind.CONTROL_STANDARD, (Clause("a1", "第1条", 1, text=text),))


@pytest.fixture
def database(records_place: Path | str) -> Iterator[Database]:
    made = connect(records_place)
    yield made
    made.close()


@pytest.fixture
def shelf(database: Database) -> PolicyShelf:
    return SqlPolicyShelf(database)


def publish(shelf: PolicyShelf, text: str, decision: Decision = DECISION) -> None:
    seen = shelf.draft("taisaku").revision
    draft = shelf.save_draft(document(text), seen=seen, by="doi", now=NOW)
    shelf.publish(document(text), decision, seen=draft.revision, by="doi", now=NOW)


def test_a_draft_becomes_a_version_and_is_closed_by_it(shelf: PolicyShelf, database: Database) -> None:
    draft = shelf.save_draft(document(), seen=0, by="doi", now=NOW)
    assert (draft.revision, draft.base, draft.saved_by, draft.saved_at) == (1, 0, "doi", NOW)
    version = shelf.publish(document(), DECISION, seen=1, by="doi", now=NOW)

    assert (version.number, version.decision, version.published_by) == (1, DECISION, "doi")
    assert version.digest == digest_of(write_document(document()))
    assert shelf.versions() == shelf.versions("taisaku") == [version]
    assert shelf.version_text("taisaku", 1) == write_document(document())
    assert not shelf.draft("taisaku").open
    assert shelf.drafts() == {}
    actions = [one.action for one in SqlTrail(database).entries()]
    assert actions == ["policy.published", "policy.draft_saved"]
    assert SqlTrail(database).verify().number is None


def test_a_second_saver_is_told_and_nothing_is_overwritten(shelf: PolicyShelf) -> None:
    shelf.save_draft(document("一"), seen=0, by="doi", now=NOW)
    with pytest.raises(DraftChangedError, match="doi") as caught:
        shelf.save_draft(document("二"), seen=0, by="mori", now=NOW)
    assert caught.value.draft.text == write_document(document("一"))
    assert shelf.draft_text("taisaku", 1) == write_document(document("一"))
    shelf.save_draft(document("二"), seen=1, by="mori", now=NOW)
    assert shelf.draft("taisaku").saved_by == "mori"


def test_a_form_of_a_draft_that_was_published_meanwhile_is_refused(shelf: PolicyShelf) -> None:
    publish(shelf, "一")
    for old in (0, 1):
        with pytest.raises(DraftChangedError):
            shelf.save_draft(document("二"), seen=old, by="mori", now=NOW)
    assert shelf.save_draft(document("二"), seen=2, by="mori", now=NOW).base == 1


def test_a_draft_is_given_up(shelf: PolicyShelf, database: Database) -> None:
    with pytest.raises(ConflictError, match="改正案はありません"):
        shelf.drop_draft("taisaku", seen=0, by="doi", now=NOW)
    shelf.save_draft(document(), seen=0, by="doi", now=NOW)
    assert not shelf.drop_draft("taisaku", seen=1, by="doi", now=NOW).open
    with pytest.raises(ConflictError, match="改正案はありません"):
        shelf.publish(document(), DECISION, seen=2, by="doi", now=NOW)
    assert SqlTrail(database).entries()[0].action == "policy.draft_dropped"


def test_what_is_published_is_what_was_saved(shelf: PolicyShelf) -> None:
    shelf.save_draft(document("一"), seen=0, by="doi", now=NOW)
    with pytest.raises(DraftChangedError):
        shelf.publish(document("二"), DECISION, seen=1, by="doi", now=NOW)
    assert shelf.versions() == []


def test_a_version_must_say_something_new_and_not_be_in_force_before_the_last(shelf: PolicyShelf) -> None:
    publish(shelf, "一")
    with pytest.raises(ConflictError, match="同じ内容"):
        publish(shelf, "一")
    seen = shelf.save_draft(document("二"), seen=shelf.draft("taisaku").revision, by="doi", now=NOW).revision
    early = replace(DECISION, effective_on=date(2027, 3, 31))
    with pytest.raises(ConflictError, match="令和9年3月31日"):
        shelf.publish(document("二"), early, seen=seen, by="doi", now=NOW)
    assert len(shelf.versions()) == 1


@pytest.mark.parametrize("decision", [replace(DECISION, committee=" "), replace(DECISION, reason="")])
def test_who_approved_and_why_has_to_be_said(shelf: PolicyShelf, decision: Decision) -> None:
    with pytest.raises(UsageError):
        publish(shelf, "一", decision)


def test_versions_cannot_be_changed_even_with_another_program(shelf: PolicyShelf, database: Database) -> None:
    publish(shelf, "一")
    shelf.state("taisaku", "区長", "区公式ホームページ", date(2027, 4, 1), by="doi", now=NOW)
    for statement in (
        update(policy_versions).values(text="x"),
        delete(policy_versions),
        update(policy_statements).values(body="x"),
        delete(policy_statements),
    ):
        with pytest.raises(StoreError, match="only grows"), database.write() as connection:
            connection.execute(statement)
    with pytest.raises(DBAPIError, match="only grows"), another_program(database) as other:
        other.exec_driver_sql("UPDATE policy_versions SET effective_on = '2020-01-01'")


def test_a_text_that_was_changed_past_the_database_is_noticed(shelf: PolicyShelf, database: Database) -> None:
    publish(shelf, "一")
    with another_program(database, unguarded="policy_versions") as other:
        other.exec_driver_sql("UPDATE policy_versions SET text = replace(text, '一', '二')")
    with pytest.raises(StoreError, match="ハッシュ"):
        shelf.version_text("taisaku", 1)
    with pytest.raises(NotFoundError):
        shelf.version_text("taisaku", 2)


def test_only_the_last_saves_of_a_draft_are_kept(shelf: PolicyShelf, database: Database) -> None:
    for number in range(KEPT + 3):
        shelf.save_draft(document(f"{number}"), seen=number, by="doi", now=NOW)
    assert shelf.draft_text("taisaku", 3) == ""
    assert shelf.draft_text("taisaku", 4)
    with database.read() as connection:
        assert len(connection.execute(policy_saves.select()).all()) == KEPT


def test_the_newest_statement_of_a_body_counts(shelf: PolicyShelf) -> None:
    shelf.state("kihon", "区長", "区報", date(2026, 4, 1), by="doi", now=NOW)
    shelf.state("kihon", "区長", "区公式ホームページ", date(2026, 4, 5), by="doi", now=NOW)
    shelf.state("kihon", "議会", "議会のページ", date(2026, 4, 2), by="doi", now=NOW)
    found = shelf.statements()
    assert {key: one.published_at for key, one in found.items()} == {
        ("kihon", "区長"): "区公式ホームページ",
        ("kihon", "議会"): "議会のページ",
    }
    with pytest.raises(UsageError):
        shelf.state("kihon", "区長", " ", date(2026, 4, 1), by="doi", now=NOW)
