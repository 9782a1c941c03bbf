"""Who changed the formula, and when: in the trail, once for each change, on the page and beside a released report."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

from secops.access.ports import Access, Role, SessionLimits
from secops.cli.audit import audit
from secops.isms.audit.paper_style import PaperKind
from secops.isms.audit.releases import Reader, ReleaseRequest
from secops.isms.audit.rules import changes
from secops.report.papers.read_word import read_word
from secops.store.records.accounts import SqlAccounts
from secops.web.app import create_app
from secops.web.serve import services
from secops.wiring.audits import BUILTIN, SCORING, open_catalogue, open_rules
from secops.wiring.book import keep_book
from secops.wiring.papers import papers_of
from secops.wiring.site import Site, create_site, open_site
from tests.isms.audit import books
from tests.rounds import KUMIN, NOW, begin
from tests.web.stage import PASSWORD, QUICK


@pytest.fixture
def site(tmp_path: Path):
    create_site(tmp_path / "site", site_id="sumida", name="〇〇区")
    with open_site(tmp_path / "site") as opened:
        begin(opened.desk.rounds, audited=(KUMIN,))
        yield opened


def change(site: Site, partial: str) -> None:
    """The ward's own file, in which △ is worth something else."""
    text = (BUILTIN / SCORING).read_text(encoding="utf-8").replace("partial = 0.5", f"partial = {partial}")
    (site.folder / "audits").mkdir(exist_ok=True)
    (site.folder / "audits" / SCORING).write_text(text, encoding="utf-8")


def told(site: Site):
    return site.desk.trail.entries(target="scoring")


def test_a_changed_formula_is_told_once_with_old_and_new_values_and_who_scored(site):
    papers = papers_of(site)
    papers.book(2026, Reader(audits=True, name="lead"))
    papers.book(2026, Reader(audits=True, name="kansa"))
    (first,) = told(site)
    assert (first.actor, first.action, first.detail["before"]) == ("lead", "scoring.changed", "")
    change(site, "0.40")
    book = papers.book(2026, Reader(audits=True, name="kansa"))
    papers_of(site).book(2026, Reader(audits=True, name="lead"))
    newest, before = told(site)
    assert before == first
    assert newest.actor == "kansa"
    assert newest.detail["before"] == first.detail["digest"]
    assert changes(newest.detail["old"], newest.detail["new"]) == [("values.partial", "0.5", "0.4")]
    assert book is not None
    assert book.confirmed.rules == newest.detail["digest"]
    change(site, "0.4")  # the same value in other words
    papers.book(2026, Reader(audits=True, name="lead"))
    assert len(told(site)) == 2
    assert site.desk.trail.verify().number is None


def test_of_many_at_once_one_tells(site):
    rules = open_rules(site.folder)

    def tell(number: int) -> bool:
        with open_site(site.folder) as own:
            return own.desk.scoring.tell(rules, actor=f"a{number}", now=NOW)

    with ThreadPoolExecutor(6) as crew:
        assert sum(crew.map(tell, range(6))) == 1
    assert len(told(site)) == 1


def test_a_book_from_a_file_has_its_own_formula_and_tells_nothing(site):
    keep_book(site, replace(books.ledger(), book=replace(books.ledger().book, year=2025)))
    papers_of(site).book(2025, Reader(audits=True, name="lead"))
    assert not told(site)


def test_a_released_report_names_the_formula(site):
    papers = papers_of(site)
    made = papers.release(ReleaseRequest(PaperKind.PLAN), actor="lead")
    (formula,) = told(site)
    (entry,) = site.desk.trail.entries(target=f"release {made.number}")
    assert entry.detail["scoring"] == formula.detail["digest"]
    word = papers.file(made.number, next(one.name for one in made.files if one.name.endswith("docx")))
    assert read_word("r", word).meta["rules"] == formula.detail["digest"]


def test_the_page_of_scores_says_by_which_formula_they_are(site):
    accounts = SqlAccounts(site.desk.database, SessionLimits(), QUICK)
    accounts.add("lead", PASSWORD, role=Role.AUDIT_LEAD, access=Access(), actor="test", now=NOW)
    app = create_app(replace(services(site, threading.Event()), accounts=accounts, now=lambda: NOW))
    token, _session = accounts.login("lead", PASSWORD, peer="test", now=NOW, demo_allowed=True)
    browser = TestClient(app, base_url="http://127.0.0.1", cookies={"secops": token})
    assert "初めて採点した時のもの" in browser.get("/audit/heatmap").text
    change(site, "0.4")
    page = browser.get("/audit/heatmap").text
    assert "に変えられた計算式によるものです(採点した人: lead" in page
    assert "values.partial 0.5 → 0.4" in page
    ledger = books.ledger()
    keep_book(site, replace(ledger, rules=open_rules(site.folder), book=replace(ledger.book, year=2025)))
    assert "values.partial 0.5 → 0.4" in browser.get("/audit/heatmap?year=2025").text  # the same formula
    change(site, "0.2")
    other = replace(ledger, rules=open_rules(site.folder), book=replace(ledger.book, year=2024))
    keep_book(site, other)
    assert "取り込んだ帳簿の計算式" in browser.get("/audit/heatmap?year=2024").text  # nobody scored by it here
    assert len(told(site)) == 2


def test_the_command_that_scores_tells_too(site, tmp_path):
    change(site, "0.3")
    path = tmp_path / "answers.csv"
    path.write_text(f"部署コード,番号,自己点検,監査人確認\n211,{open_catalogue().items[0].id},○,○\n", encoding="utf-8")
    for _again in range(2):
        done = CliRunner().invoke(audit, ["score", str(path), "--site", str(site.folder)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    (entry,) = told(site)
    assert entry.detail["new"]["values.partial"] == "0.3"
    log = CliRunner().invoke(audit, ["log", "--site", str(site.folder), "--target", "scoring"]).output
    assert "scoring.changed" in log
    assert '"values.partial": "0.3"' in log
