"""The ward's documents as one collection: files first, then what the records say; drafts of several people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from secops.errors import NotFoundError, PolicyError
from secops.isms.clauses.markdown import write_document
from secops.isms.clauses.model import Clause, Document, DocumentKind, Link, LinkKind, Statutory
from secops.isms.policy.library import ClauseChangedError, Files, Library, Origin, clause_digest, read_files
from secops.isms.policy.links import index_of, ours_for
from secops.isms.policy.ports import Decision
from secops.isms.policy.statutory import Lack, statutory_state
from secops.store.records.engine import connect
from secops.store.records.policy import SqlPolicyShelf

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
TODAY = date(2026, 11, 23)
DECISION = Decision(date(2027, 4, 1), "情報セキュリティ委員会", date(2027, 3, 15), "見直し")


def standard(first: str = "一", second: str = "二") -> Document:
    clauses = (
        Clause("a1", "第1条", 1, title="目的", text=first, links=(Link("mic-2025-03-9.3", LinkKind.PARTLY),)),
        Clause("a2", "第2条", 1, title="不正プログラム", text=second, links=(Link("mic-2025-03-6.4-1"),)),
    )
    return Document("taisaku", "対策基準", DocumentKind.CONTROL_STANDARD, clauses, public=True)


def basic(*statutory: Statutory) -> Document:
    clauses = (Clause("k1", "第1条", 1, links=(Link("mic-2025-03-6.4"), Link("mic-2025-03-6.4-1"))),)
    return Document("kihon", "基本方針", DocumentKind.BASIC_POLICY, clauses, public=True, statutory=statutory)


@pytest.fixture
def library(records_place: Path | str) -> Iterator[Library]:
    database = connect(records_place)
    files = read_files([(f"{one.id}.md", write_document(one)) for one in (standard(), basic(Statutory("区長")))])
    yield Library(SqlPolicyShelf(database), lambda: files, lambda clause: clause.startswith("mic-2025-03-"))
    database.close()


def save(library: Library, document: Document) -> int:
    seen = library.shelf.draft(document.id).revision
    return library.save(document, seen=seen, by="doi", now=NOW).revision


def publish(library: Library, document: Document, decision: Decision = DECISION) -> None:
    library.publish(document.id, decision, seen=save(library, document), by="doi", now=NOW)


def test_a_document_is_what_its_file_says_until_it_is_in_the_records(library: Library) -> None:
    assert [one.working.id for one in library.entries(TODAY)] == ["kihon", "taisaku"]
    entry = library.entry("taisaku", TODAY)
    assert (entry.origin, entry.in_force, entry.current) == (Origin.FILE, None, standard())

    save(library, standard("壱"))
    entry = library.entry("taisaku", TODAY)
    assert (entry.origin, entry.working) == (Origin.DRAFT, standard("壱"))

    publish(library, standard("壱"))
    entry = library.entry("taisaku", TODAY)
    assert (entry.origin, entry.in_force, [one.number for one in entry.coming]) == (Origin.VERSION, None, [1])
    with pytest.raises(NotFoundError, match="kihon, taisaku"):
        library.entry("kitei", TODAY)


def test_readers_see_the_version_that_is_in_force_on_the_day(library: Library) -> None:
    publish(library, standard("壱"), replace(DECISION, effective_on=date(2026, 4, 1)))
    publish(library, standard("弐"))
    save(library, standard("参"))

    now, later = library.entry("taisaku", TODAY), library.entry("taisaku", date(2027, 4, 1))
    assert now.in_force is not None
    assert later.in_force is not None
    assert (now.in_force.number, now.current.by_id["a1"].text, now.working.by_id["a1"].text) == (1, "壱", "参")
    assert (later.in_force.number, later.current.by_id["a1"].text, later.coming) == (2, "弐", ())
    assert library.entry("taisaku", date(2026, 3, 31)).in_force is None


def test_two_people_at_two_clauses_both_keep_what_they_wrote(library: Library) -> None:
    one, two = standard().clauses
    first, second = clause_digest(one), clause_digest(two)
    library.save_clause("taisaku", replace(one, text="壱"), first, day=TODAY, by="doi", now=NOW)
    library.save_clause("taisaku", replace(two, text="弐"), second, day=TODAY, by="mori", now=NOW)
    assert library.entry("taisaku", TODAY).working == standard("壱", "弐")


def test_two_people_at_one_clause_the_second_sees_what_the_first_wrote(library: Library) -> None:
    one = standard().clauses[0]
    was = clause_digest(one)
    library.save_clause("taisaku", replace(one, text="壱"), was, day=TODAY, by="doi", now=NOW)
    with pytest.raises(ClauseChangedError, match="doi") as caught:
        library.save_clause("taisaku", replace(one, text="弌"), was, day=TODAY, by="mori", now=NOW)
    assert caught.value.clause is not None
    assert caught.value.clause.text == "壱"
    assert library.entry("taisaku", TODAY).working == standard("壱")


def test_what_changed_since_somebody_began_is_told_by_clause(library: Library) -> None:
    began = library.shelf.draft("taisaku").revision
    added = replace(standard("壱"), clauses=(*standard("壱").clauses, Clause("a3", "第3条", 1, title="委任")))
    save(library, added)
    found = library.changed_since("taisaku", began, TODAY)
    assert found is not None
    assert [(one.id, one.number, one.how) for one in found] == [("a1", "第1条", "changed"), ("a3", "第3条", "added")]
    save(library, replace(added, owner="総務課", clauses=added.clauses[1:]))
    found = library.changed_since("taisaku", 1, TODAY)
    assert found is not None
    assert [(one.id, one.how) for one in found] == [("#head", "changed"), ("a1", "removed")]


def test_a_link_to_a_clause_that_no_edition_has_keeps_a_draft_from_being_published(library: Library) -> None:
    clause = replace(standard().clauses[0], links=(Link("mic-2099-01-1"),))
    seen = save(library, replace(standard(), clauses=(clause,)))
    with pytest.raises(PolicyError, match="mic-2099-01-1") as caught:
        library.publish("taisaku", DECISION, seen=seen, by="doi", now=NOW)
    assert caught.value.problems[0].where == "taisaku:9"


def test_a_text_of_another_document_or_too_long_is_refused(library: Library) -> None:
    with pytest.raises(PolicyError, match="「kihon」です"):
        library.read("taisaku", write_document(basic()))
    with pytest.raises(PolicyError, match="長すぎます"):
        library.read("taisaku", "あ" * 1_000_001)


def test_files_with_mistakes_are_told_and_the_others_used() -> None:
    text = write_document(standard())
    found = read_files([("a.md", text), ("b.md", text), ("c.md", "x")])
    assert list(found.documents) == ["taisaku"]
    assert [one.where for one in found.problems] == ["b.md:1", "c.md:1", "c.md:1"]
    assert Files().documents == {}


def test_a_guideline_clause_finds_the_clause_of_ours_that_does_it() -> None:
    index = index_of([basic(), standard()])
    assert [one.clause for one in ours_for(index, "mic-2025-03-6.4-1")] == ["a2", "k1"]
    assert [one.clause for one in ours_for(index, "mic-2025-03-6.4")] == ["a2", "k1"]
    assert [one.clause for one in ours_for(index, "mic-2025-03-6.4-1-2")] == ["a2", "k1"]
    assert [one.number for one in ours_for(index, "mic-2025-03-9")] == ["第1条"]
    assert [one.clause for one in ours_for(index_of([standard()]), "mic-2025-03-6.4")] == ["a2"]
    assert ours_for(index, "mic-2018-09-6.4") == ()
    assert [ours_for(index, what) for what in ("", "-", "a-b-c", "<script>-1.2")] == [(), (), (), ()]


def test_each_body_is_told_what_it_lacks(library: Library) -> None:
    def lacks() -> dict[str, tuple[Lack, ...]]:
        entries, said = library.entries(TODAY), library.shelf.statements()
        return {one.body: one.lacks for one in statutory_state(entries, said, ["区長", "議会"])}

    assert lacks() == {"区長": (Lack.IN_FORCE, Lack.PLACE, Lack.DAY), "議会": (Lack.POLICY,)}
    named = basic(Statutory("区長", "区公式ホームページ"), Statutory("教育委員会"))
    publish(library, named, replace(DECISION, effective_on=date(2026, 4, 1)))
    assert lacks() == {"区長": (Lack.DAY,), "議会": (Lack.POLICY,), "教育委員会": (Lack.PLACE, Lack.DAY)}
    library.shelf.state("kihon", "教育委員会", "区報", date(2026, 4, 2), by="doi", now=NOW)
    assert lacks()["教育委員会"] == ()
