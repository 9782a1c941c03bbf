"""Papers of a real site: made, edited in Word, issued, verified, by command."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from docx import Document
from docx.document import Document as DocxDocument

from secops.cli import secops
from secops.errors import UsageError
from secops.isms.audit.book_file import write_book
from secops.report.papers.read_word import read_word
from secops.wiring.papers import RELEASED, papers_of
from secops.wiring.site import create_site, open_site
from tests.isms.audit import books


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.json"
    path.write_text(write_book(books.ledger()), encoding="utf-8")
    return path


@pytest.fixture
def site(tmp_path: Path, book: Path) -> Path:
    folder = tmp_path / "site"
    create_site(folder, site_id="sumida")
    assert run("book", "import", str(book), "--site", str(folder)).exit_code == 0
    return folder


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(secops, ["audit", *map(str, arguments)])


def said(done: Result) -> str:
    """What the command says, its error too (which `main` prints)."""
    return f"{done.output}{done.exception or ''}"


def edited(path: Path, old: str, new: str) -> None:
    """What somebody does in Word: change a sentence and save."""
    document: DocxDocument = Document(str(path))
    places = list(document.paragraphs)
    places += [one for table in document.tables for row in table.rows for cell in row.cells for one in cell.paragraphs]
    hits = [run_ for place in places for run_ in place.runs if old in run_.text]
    assert hits
    for one in hits:
        one.text = one.text.replace(old, new)
    document.core_properties.author = "墨田 太郎"
    document.save(str(path))


def test_a_report_is_made_from_a_book_without_a_site(book, tmp_path):
    for suffix in ("docx", "pdf", "html", "xlsx"):
        done = run("report", "report", "-o", tmp_path / f"r.{suffix}", "--book", book)
        assert done.exit_code == 0, done.output
    assert (tmp_path / "r.docx").read_bytes()[:2] == b"PK"
    assert (tmp_path / "r.pdf").read_bytes()[:4] == b"%PDF"
    again = run("report", "report", "-o", tmp_path / "r.docx", "--book", book)
    assert again.exit_code == 1
    assert "--force" in said(again)
    assert isinstance(run("report", "report", "-o", tmp_path / "r.txt", "--book", book).exception, UsageError)
    assert isinstance(run("report", "report", "-o", tmp_path / "s.docx").exception, UsageError)


def test_of_one_department(site, tmp_path):
    assert run("report", "report", "-o", tmp_path / "r.docx", "--site", site, "--department", "1010").exit_code == 0
    lines = [line.text for line in read_word("r", (tmp_path / "r.docx").read_bytes()).lines]
    assert "令和8年度　区民課" in lines
    wrong = run("report", "report", "-o", tmp_path / "x.docx", "--site", site, "--department", "77")
    assert isinstance(wrong.exception, UsageError)
    assert "77" in said(wrong)
    assert not (tmp_path / "x.docx").exists()


def test_an_edited_draft_is_checked_and_issued(site, tmp_path):
    path = tmp_path / "r.docx"
    run("report", "report", "-o", path, "--site", site)
    edited(path, "このほか、優良事例", "加えて、優良事例")
    assert run("lint", path, "--site", site).exit_code == 0
    done = run("release", "new", "report", "--site", site, "--file", path, "--number", "8墨総総第12号", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    kept = site / RELEASED / found["files"][0]["name"]
    draft = read_word("kept", kept.read_bytes())
    assert any("加えて、優良事例" in line.text for line in draft.lines)
    assert not any(line.place.startswith("word/header") and "案" in line.text for line in draft.lines)
    document = Document(io.BytesIO(kept.read_bytes()))
    assert document.tables[0].rows[0].cells[1].text == "8墨総総第12号"
    assert document.core_properties.author == ""


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("このほか、優良事例", "おおむね適正であるが、優良事例", "保証"),
        ("るおそれがある", "るおそれがあります", "です・ます"),
        ("情報セキュリティ監査人（道路公園課）", "墨田 太郎", "個人の氏名"),
    ],
)
def test_a_paper_with_faults_is_not_issued(site, tmp_path, old, new, what):
    path = tmp_path / "r.docx"
    (site / "inventory").mkdir(exist_ok=True)
    staff = "職員番号,氏名,所属コード\n1,墨田 太郎,1010\n"
    (site / "inventory" / "staff.csv").write_text(staff, encoding="utf-8")
    (site / "inventory" / "departments.csv").write_text("部署コード,部署名\n1010,区民課\n", encoding="utf-8")
    run("report", "report", "-o", path, "--site", site)
    edited(path, old, new)
    checked = run("lint", path, "--site", site)
    assert checked.exit_code == 1
    assert what in said(checked)
    done = run("release", "new", "report", "--site", site, "--file", path)
    assert done.exit_code == 1
    assert what in said(done)
    assert run("release", "list", "--site", site, "--json").output.strip() == "[]"
    assert not list((site / RELEASED).glob("*")) if (site / RELEASED).exists() else True


def test_a_changed_number_is_found_even_without_the_data(site, tmp_path):
    path = tmp_path / "r.docx"
    run("report", "report", "-o", path, "--site", site)
    edited(path, "86.7", "96.7")
    for arguments in ((), ("--site", site)):
        checked = run("lint", path, *arguments, "--json")
        assert checked.exit_code == 1
        faults = json.loads(checked.output)["faults"]
        assert {one["code"] for one in faults} == {"number"}
        assert "86.7" in faults[0]["what"]
        assert faults[0]["where"]


def test_another_paper_cannot_be_issued_as_this_one(site, tmp_path):
    run("report", "plan", "-o", tmp_path / "p.docx", "--site", site)
    done = run("release", "new", "report", "--site", site, "--file", tmp_path / "p.docx")
    assert done.exit_code == 1
    assert "plan" in said(done)
    Document().save(str(tmp_path / "other.docx"))
    assert run("release", "new", "report", "--site", site, "--file", tmp_path / "other.docx").exit_code == 1


def test_issued_papers_are_listed_shown_and_verified(site, tmp_path):
    assert run("release", "new", "report", "--site", site).exit_code == 0
    assert run("release", "new", "summary", "--site", site).exit_code == 0
    done = run("release", "new", "report", "--site", site, "--replaces", "2026-R01")
    assert done.exit_code == 0, done.output
    assert [one["number"] for one in json.loads(run("release", "list", "--site", site, "--json").output)] == [
        "2026-R03",
        "2026-R02",
        "2026-R01",
    ]
    assert run("release", "show", "2026-R01", "--site", site, "-o", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out" / "2026-R01-report.pdf").read_bytes()[:4] == b"%PDF"
    assert run("release", "verify", "--site", site).exit_code == 0
    path = site / RELEASED / "2026-R01-report.docx"
    assert path.stat().st_mode & 0o222 == 0
    path.chmod(0o600)
    path.write_bytes(path.read_bytes() + b" ")
    (site / RELEASED / "2026-R02-summary.pdf").unlink()
    (site / RELEASED / "extra.docx").write_bytes(b"")
    bad = run("release", "verify", "--site", site, "--json")
    assert bad.exit_code == 1
    states = {one["name"]: one["state"] for one in json.loads(bad.output)["files"] if one["state"] != "ok"}
    assert states == {
        "2026-R01-report.docx": "changed",
        "2026-R02-summary.pdf": "missing",
        "extra.docx": "unknown",
    }
    assert run("release", "show", "2026-R01", "--site", site, "-o", tmp_path / "again").exit_code == 1


def test_the_wards_own_template_and_style_are_used(site, tmp_path):
    document = Document()
    document.sections[0].header.paragraphs[0].text = "{{ draft_mark }}"
    document.add_paragraph("〇〇区様式 {{ title }} 指摘事項{{ figures.findings.total }}件")
    (site / "audits" / "templates").mkdir(parents=True)
    document.save(str(site / "audits" / "templates" / "report.docx"))
    (site / "audits" / "reports.toml").write_text('[titles]\nreport = "内部監査実施報告書"\n', encoding="utf-8")
    done = run("report", "report", "-o", tmp_path / "r.docx", "--site", site)
    assert done.exit_code == 0, done.output
    lines = [line.text for line in read_word("r", (tmp_path / "r.docx").read_bytes()).lines]
    assert "〇〇区様式 内部監査実施報告書 指摘事項4件" in lines
    document.add_paragraph("{{ ward.__class__ }}")
    document.save(str(site / "audits" / "templates" / "report.docx"))
    done = run("report", "report", "-o", tmp_path / "x.docx", "--site", site)
    assert done.exit_code == 1
    assert "段落 2" in said(done)


def test_a_summary_is_published_as_open_data(site, tmp_path):
    done = run("opendata", "-o", tmp_path / "od", "--site", site)
    assert done.exit_code == 0, done.output
    assert "部署ごとの結果" in said(done)
    names = {path.name for path in (tmp_path / "od").iterdir()}
    assert names == {"audit-summary-2026.csv", "audit-years.csv", "withheld.csv", "catalogue.csv", "catalogue.json"}


def test_a_book_goes_from_site_to_site(site, tmp_path):
    assert run("book", "export", "--site", site, "-o", tmp_path / "out.json").exit_code == 0
    assert (tmp_path / "out.json").read_text(encoding="utf-8") == write_book(books.ledger())
    assert run("book", "export", "--site", site, "--year", "1999", "-o", tmp_path / "none.json").exit_code == 1
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    assert run("book", "import", tmp_path / "bad.json", "--site", site).exit_code == 1


def test_a_year_without_a_book_is_said_with_what_to_do(tmp_path):
    create_site(tmp_path / "empty", site_id="empty")
    done = run("report", "report", "-o", tmp_path / "r.docx", "--site", tmp_path / "empty")
    assert done.exit_code == 1
    assert "book import" in said(done)
    with open_site(tmp_path / "empty") as opened:
        assert papers_of(opened).years() == []
