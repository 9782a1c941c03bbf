"""A book as a file and back, a book of some departments, its numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from secops.errors import AuditError
from secops.isms.audit.book_file import read_book, write_book
from secops.isms.audit.figures import figures
from secops.isms.audit.round import EvidenceSheet, FindingKind, Unit
from secops.isms.audit.sight import Sight
from tests.isms.audit import books

WHEN = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def test_a_book_comes_back_as_it_was():
    ledger = books.ledger()
    text = write_book(ledger)
    read = read_book("book.json", text)
    assert write_book(read) == text
    assert read.rules == ledger.rules
    for part in ("plan", "catalogue", "papers", "findings", "earlier", "history", "visits", "progress", "confirmed"):
        assert getattr(read.book, part) == getattr(ledger.book, part)


def test_scores_are_counted_again_from_the_papers():
    value = json.loads(write_book(books.ledger()))
    assert "confirmed" not in value
    for paper in value["papers"]:
        paper["confirmed"] = "not_met"
    assert read_book("book.json", json.dumps(value)).book.confirmed.ward.achievement == 0


def test_every_mistake_of_a_book_is_said_with_its_place():
    value = json.loads(write_book(books.ledger()))
    value["papers"][2]["confirmed"] = "good"
    value["findings"][0]["tytle"] = "x"
    del value["ward"]
    with pytest.raises(AuditError) as error:
        read_book("book.json", json.dumps(value))
    text = str(error.value)
    assert "papers[3].confirmed" in text
    assert "findings[1].tytle" in text
    assert "ward" in text
    for wrong in ("{", "[]", '{"format": "other"}'):
        with pytest.raises(AuditError, match=r"book\.json"):
            read_book("book.json", wrong)


def test_an_item_judged_twice_is_refused():
    value = json.loads(write_book(books.ledger()))
    value["papers"].append(value["papers"][0])
    with pytest.raises(AuditError, match="二度"):
        read_book("book.json", json.dumps(value))


def test_a_book_of_some_departments_has_nothing_of_the_others():
    ledger = books.ledger()
    for asked in ({"1010"}, {"区民課"}):
        book = ledger.only(Sight(asked)).book
        assert {one.department for one in book.papers} == {"1010"}
        assert {one.department for one in book.findings} == {"1010"}
        assert set(book.confirmed.departments) == {"1010"}
        assert book.confirmed.ward.counts == ledger.book.confirmed.departments["1010"].counts
    assert ledger.only(Sight()) is ledger
    assert ledger.only(Sight(set())).book.papers == ()


def test_a_book_of_a_system_has_nothing_of_its_department():
    ledger = books.ledger()
    unit = next(Unit(one.department, one.system) for one in ledger.book.papers if one.system)
    book = ledger.only(Sight(units=frozenset({unit}))).book
    assert {(one.department, one.system) for one in book.papers} == {(unit.department, unit.system)}
    assert all(one.system == unit.system for one in book.findings)
    assert (book.history, book.progress) == ((), {})


def test_who_may_not_see_all_zones_gets_no_evidence_of_all():
    sheet = EvidenceSheet("q", "t", Unit("1010"), (WHEN, WHEN), WHEN, "x", {})
    sheets = (sheet, replace(sheet, zones=("lgwan",)), replace(sheet, zones=("lgwan", "internet")))
    ledger = books.ledger()
    ledger = replace(ledger, book=replace(ledger.book, sheets=sheets))
    assert ledger.only(Sight(zones=frozenset({"lgwan"}))).book.sheets == sheets[1:2]
    assert ledger.only(Sight(frozenset({"1010"}), zones=frozenset({"lgwan", "internet"}))).book.sheets == sheets[1:]
    assert ledger.only(Sight(frozenset({"1020"}))).book.sheets == ()


def test_numbers_of_the_whole_and_of_a_department():
    book = books.ledger().book
    whole, one = figures(book, day=books.DAY), figures(book, "1010", books.DAY)
    assert whole["findings.total"] == "4"
    assert whole["findings.major_nonconformity"] == "1"
    assert whole["findings.good_practice"] == "1"
    assert whole["findings.overdue"] == "1"
    assert whole["departments"] == "6"
    assert whole["systems"] == "3"
    assert whole["earlier.total"] == "2"
    assert whole["department.1010.achievement"] == one["achievement"]
    assert one["findings.total"] == "1"
    assert one["systems"] == "1"
    sums = [int(whole[f"verdict.{name}"]) for name in ("met", "partial", "not_met")]
    assert sum(sums) == int(whole["verdict.judged"])
    assert sum(one.kind is FindingKind.MINOR for one in book.findings) == int(whole["findings.minor_nonconformity"])


def test_what_was_not_judged_is_a_dash_and_no_zero():
    found = figures(books.ledger(papers=[], findings=(), progress={}).book)
    assert found["achievement"] == "―"
    assert found["grade"] == "―"
