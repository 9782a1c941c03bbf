"""Heat map and papers in the console."""

from __future__ import annotations

import re

from secops.access.ports import Access, Role
from secops.isms.audit.paper_style import PaperKind
from secops.isms.audit.releases import ReleaseRequest
from tests.fakes.shelf import Shelf
from tests.isms.audit import books
from tests.web.stage import Stage, csrf


def issue(stage: Stage, kind: PaperKind, department: str = "") -> str:
    return stage.papers.release(ReleaseRequest(kind, department=department), actor="lead").number


def post(browser, **values: str):
    return browser.post("/audit/reports/release", data={"csrf": csrf(browser), **values})


def test_the_map_shows_the_worst_first_with_the_same_as_a_table(stage):
    html = stage.client("audit_lead").get("/audit/heatmap").text
    assert "達成率が最も低いのは" in html
    rows = re.findall(r'<th scope="row">(?:<bdi>)?([^<]+)', html)
    assert rows[0] == "高齢者福祉課"
    assert set(rows) == {books.NAMES[code] for code in books.DEPARTMENTS}
    assert "<svg" in html
    assert "安全性を保証するものではありません" in html
    years = stage.client("audit_lead").get("/audit/heatmap?view=years").text
    assert "令和6年度" in years


def test_an_auditor_sees_the_departments_that_they_are_assigned_to(stage):
    stage.shelf = Shelf(auditors={"auditor": frozenset({"1010"})})
    stage.__dict__.pop("papers", None)
    stage.__dict__.pop("app", None)
    auditor = stage.client("auditor")
    html = auditor.get("/audit/heatmap").text
    assert "区民課" in html
    assert "税務課" not in html
    assert auditor.get("/audit/reports/draft?kind=report&department=1010").status_code == 200
    assert auditor.get("/audit/reports/draft?kind=report&department=1020").status_code == 404
    assert auditor.get("/audit/reports/draft?kind=report").status_code == 403
    assert "税務課" in stage.client("audit_lead").get("/audit/heatmap").text


def test_without_a_round_the_page_says_what_to_do(stage):
    stage.shelf = Shelf(books={})
    html = stage.client("audit_lead").get("/audit/heatmap").text
    assert "secops audit book import" in html
    assert stage.client("audit_lead").get("/audit/reports").status_code == 200


def test_a_draft_comes_as_a_file_in_each_format(stage):
    browser = stage.client("auditor")
    for suffix, begin in (("docx", b"PK"), ("pdf", b"%PDF"), ("xlsx", b"PK")):
        found = browser.get(f"/audit/reports/draft?kind=report&department=1010&format={suffix}")
        assert found.status_code == 200
        assert found.content.startswith(begin)
        assert f"2026-report-1010-draft.{suffix}" in found.headers["content-disposition"]


def test_a_paper_is_checked_and_then_issued(stage):
    browser = stage.client("audit_lead")
    assert "発行できます" in post(browser, kind="report", action="check").text
    done = post(browser, kind="report", action="release", number="8墨総総第12号")
    assert done.status_code == 303
    html = browser.get(done.headers["location"]).text
    assert "2026-R01 として発行しました" in html
    assert "8墨総総第12号" in html
    (link, *_rest) = re.findall(r'href="(/audit/reports/2026-R01/[^"]+)"', html)
    assert browser.get(link).content.startswith(b"PK")


def test_a_paper_with_faults_is_not_issued_and_each_is_shown(stage):
    from dataclasses import replace

    bad = replace(books.findings()[0], fact="記録はおおむね適正である。")
    stage.shelf = Shelf(books={2026: books.ledger(findings=(bad,))})
    browser = stage.client("audit_lead")
    done = post(browser, kind="report", action="release")
    assert done.status_code != 303
    assert "発行できません" in done.text
    assert "おおむね適正である" in done.text
    assert "発行できません" in post(browser, kind="report", action="check").text
    assert stage.papers.releases() == []


def test_what_is_issued_is_seen_by_who_may(stage):
    issue(stage, PaperKind.SUMMARY)
    issue(stage, PaperKind.REPORT)
    issue(stage, PaperKind.REPORT, "1010")
    issue(stage, PaperKind.REPORT, "1020")
    issue(stage, PaperKind.WORKPAPER)
    issue(stage, PaperKind.WORKPAPER, "1010")
    issue(stage, PaperKind.WORKPAPER, "1020")
    stage.shelf.auditors = {"auditor": frozenset({"1010"})}
    stage.person("kacho-nowhere", Role.SECURITY_MANAGER)
    stage.person("viewer-kumin", Role.VIEWER, Access(departments=frozenset({"区民課"})))

    def seen(name: str) -> set[str]:
        return set(re.findall(r"2026-R0\d", stage.client(name).get("/audit/reports").text))

    assert seen("viewer") == {"2026-R01", "2026-R02", "2026-R03", "2026-R04"}
    assert seen("viewer-kumin") == {"2026-R01", "2026-R03"}
    assert seen("kacho-nowhere") == {"2026-R01"}
    # What anybody may read, and of the workpapers those of the units in their plan.
    assert seen("auditor") == {"2026-R01", "2026-R02", "2026-R03", "2026-R04", "2026-R06"}
    assert seen("audit_lead") == {f"2026-R0{number}" for number in range(1, 8)}
    auditor = stage.client("auditor")
    assert auditor.get("/audit/reports/2026-R06/2026-R06-workpaper-1010.docx").status_code == 200
    assert auditor.get("/audit/reports/2026-R07/2026-R07-workpaper-1020.docx").status_code == 404
    assert auditor.get("/audit/reports/2026-R05/2026-R05-workpaper.docx").status_code == 404
    kumin = stage.client("viewer-kumin")
    assert kumin.get("/audit/reports/2026-R03/2026-R03-report-1010.docx").status_code == 200
    assert kumin.get("/audit/reports/2026-R04/2026-R04-report-1020.docx").status_code == 404
    assert kumin.get("/audit/reports/2026-R03/2026-R04-report-1020.docx").status_code == 404
    assert kumin.get("/audit/reports/2026-R03/..%2f..%2fusers.db").status_code == 404


def test_a_file_that_was_tampered_with_is_not_given_out(stage):
    issue(stage, PaperKind.SUMMARY)
    path = next((stage.folder / "audit" / "released").glob("*.docx"))
    path.chmod(0o600)
    path.write_bytes(b"PK other")
    found = stage.client("viewer").get(f"/audit/reports/2026-R01/{path.name}")
    assert found.status_code == 409
    assert "書き換えられた" in found.text


def test_names_from_a_book_are_words_on_the_pages(stage):
    evil = "<script>alert(1)</script>"
    stage.shelf = Shelf(books={2026: books.ledger(names={**books.NAMES, "1010": evil})})
    browser = stage.client("audit_lead")
    for path in ("/audit/heatmap", "/audit/heatmap?view=years", "/audit/reports"):
        assert "<script>alert" not in browser.get(path).text
