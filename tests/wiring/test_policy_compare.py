"""``secops policy diff|gap|suggest|link`` as an operator types them."""

from __future__ import annotations

import json
from pathlib import Path

import docx
import pytest
from click.testing import CliRunner

from secops.cli import secops
from secops.errors import SecopsError

SAMPLE = Path(__file__).parents[2] / "policies" / "sample" / "taisaku.md"


def run(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(secops, ["policy", *map(str, words)])
    if isinstance(done.exception, SecopsError):
        assert done.exception.exit_code == code, done.exception
        return str(done.exception)
    assert done.exit_code == code, done.output
    return done.stdout


@pytest.fixture
def new(tmp_path: Path) -> Path:
    path = tmp_path / "new.md"
    text = SAMPLE.read_text(encoding="utf-8")
    path.write_text(text.replace("業務への影響に応じた間隔で取得する", "10日ごとに取得する"), encoding="utf-8")
    return path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site"
    assert CliRunner().invoke(secops, ["init", str(path)]).exit_code == 0
    return path


def test_two_files_are_compared_clause_by_clause(new):
    text = run("diff", SAMPLE, new)
    assert "■ 第48条 バックアップ [本文の変更]" in text
    assert "〔業務への影響に応じた間隔で〕" in text
    assert "〔10日ごとに〕" in text
    found = json.loads(run("diff", SAMPLE, new, "--json"))
    assert [(one["clause"], one["kinds"]) for one in found["clauses"]] == [("taisaku-a48", ["text"])]
    assert found["counts"]["text"] == 1


def test_equal_files_are_said_to_be_equal():
    assert "違いはありません" in run("diff", SAMPLE, SAMPLE)


def test_the_table_is_written_as_word_and_html(new, tmp_path):
    reason = tmp_path / "reason.txt"
    reason.write_text("間隔を定める必要がある。", encoding="utf-8")
    word, page = tmp_path / "t.docx", tmp_path / "t.html"
    run("diff", SAMPLE, new, "-o", word, "--reason", reason, "--effective", "2027-04-01")
    run("diff", SAMPLE, new, "-o", page, "--approved")
    assert "改正理由" in docx.Document(str(word)).paragraphs[0].text
    assert "<u><bdi>10日ごとに</bdi></u>" in page.read_text(encoding="utf-8")
    assert "改正前" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nothing.md", "other.md"], 1, "ファイルがありません"),
        (["taisaku@1", "taisaku@draft"], 2, "サイトを --site で指定"),
        ([SAMPLE, SAMPLE, "-o", "table.pdf"], 2, ".docx, .html"),
    ],
)
def test_mistakes_say_what_to_do(words, code, message):
    assert message in run("diff", *words, code=code)


def test_the_ward_s_own_style_is_used(site, new, tmp_path):
    (site / "policies").mkdir(exist_ok=True)
    (site / "policies" / "comparison.toml").write_text('draft = ["新", "旧"]\nnew_side = "right"\n', encoding="utf-8")
    page = tmp_path / "t.html"
    run("diff", SAMPLE, new, "-o", page, "--site", site)
    text = page.read_text(encoding="utf-8")
    assert text.index(">旧</th>") < text.index(">新</th>")
    (site / "policies" / "comparison.toml").write_text('page = "round"\n', encoding="utf-8")
    assert "comparison.toml" in run("diff", SAMPLE, new, "-o", page, "--site", site, code=1)


def test_versions_and_the_draft_of_a_site_are_compared(site, new, tmp_path):
    run("draft", "taisaku", SAMPLE, "--site", site)
    decision = ["--effective", "2025-04-01", "--committee", "委員会", "--approved", "2025-03-01", "--reason", "制定"]
    run("publish", "taisaku", *decision, "--site", site)
    run("draft", "taisaku", new, "--site", site)
    for old in ("taisaku@1", "taisaku"):
        assert "本文の変更 1" in run("diff", old, "taisaku@draft", "--site", site)
    assert "第 7 版はありません" in run("diff", "taisaku@7", "taisaku@draft", "--site", site, code=1)
    assert "形で書いてください" in run("diff", "taisaku@x", "taisaku@draft", "--site", site, code=2)


def test_the_gap_of_the_sample_is_a_report_and_no_error():
    found = json.loads(run("gap", "--edition", "2025-03", "--json"))
    assert len(found) == 151
    by = {one["clause"]: one for one in found}
    assert by["mic-2025-03-6.1-12"]["status"] == "missing"
    assert by["mic-2025-03-6.1-13"]["status"] == "outdated"
    assert by["mic-2025-03-6.1-2"]["by"][0]["clause"] == "taisaku-a48"
    missing = json.loads(run("gap", "--status", "missing", "--json"))
    assert {one["status"] for one in missing} == {"missing"}
    assert "2030-01" in run("gap", "--edition", "2030-01", code=1)


def test_suggestions_name_the_clause_the_score_and_the_words():
    (first, *_more) = json.loads(run("suggest", "--clause", "8.4-2", "--json"))
    assert first["clause"] == "taisaku-a98"
    assert first["score"] > 0.1
    assert "クラウドサービスの利用" in first["words"]
    assert "末端の条項ではありません" in run("suggest", "--clause", "8.4", code=1)


def test_a_decision_is_remembered(site):
    pair = ["link", "taisaku-a98", "mic-2025-03-8.4-2", "--site", site]
    assert "理由" in run(*pair, "--refuse", code=2)
    run(*pair, "--refuse", "--reason", "申請だけ")
    later = json.loads(run("suggest", "--clause", "8.4-2", "--json", "--site", site))
    assert "taisaku-a98" not in [one["clause"] for one in later]
    run(*pair, "--confirm", "--partly")
    (row,) = (one for one in json.loads(run("gap", "--json", "--site", site)) if one["clause"] == "mic-2025-03-8.4-2")
    assert (row["status"], row["by"][0]["decided"]) == ("partly", True)
    run(*pair, "--withdraw")
    assert "記録されていません" in run(*pair, "--withdraw", code=1)


def test_one_verdict_is_needed(site):
    assert "--confirm" in run("link", "a", "b", "--site", site, code=2)
    assert "ありません" in run("link", "a", "mic-2025-03-1-1", "--confirm", "--site", site, code=1)
