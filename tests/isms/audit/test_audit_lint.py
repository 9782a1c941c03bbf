"""The linter of papers, on small Markdown papers and on marks as a Word file carries them."""

from __future__ import annotations

import pytest

from secops.isms.audit.draft import Draft, Line, Spot, read_markdown
from secops.isms.audit.figures import figures
from secops.isms.audit.lint import Facts, facts_of, lint
from secops.isms.audit.paper_style import DISCLAIMER, PaperKind, PaperStyle, read_style
from secops.isms.audit.round import Conduct
from secops.wiring.audits import BUILTIN
from tests.isms.audit import books

STYLE = read_style("reports.toml", (BUILTIN / "reports.toml").read_text(encoding="utf-8"))
BOOK = books.ledger().book
FACTS = facts_of(BOOK, STYLE, PaperKind.REPORT, figures(BOOK, day=books.DAY), books.STAFF)


def codes(text: str, facts: Facts = FACTS) -> list[str]:
    return [one.code for one in lint(read_markdown("a.md", text), facts)]


def test_a_fault_says_where_and_what_to_do():
    (fault,) = lint(read_markdown("a.md", "# 監査結果\n\n## 総括\n\n重要な問題は発見されなかった。\n"), FACTS)
    assert fault.where == "5 行目"
    assert "重要な問題は発見されなかった" in fault.what
    assert "件数" in fault.what


@pytest.mark.parametrize("heading", ["総評", "総括", "総合所見", "総合意見", "その他"])
def test_assurance_is_refused_under_every_heading(heading):
    assert codes(f"# {heading}\n\n対策は、おおむね 適正 である。") == ["assurance"]


def test_assurance_may_stand_in_a_report_that_gives_assurance():
    facts = Facts(style=STYLE, kind=PaperKind.REPORT, conduct=Conduct.EXTERNAL_ASSURANCE)
    assert codes("おおむね適正である。", facts) == []


def test_words_of_others_are_theirs():
    assert codes("> おおむね適正です。") == []
    assert codes("|区分|所管の見解|\n|---|---|\n|軽微な不適合|おおむね適正です。|") == []


FINDING = """|指摘番号|区分|事実|基準|証拠|
|---|---|---|---|---|
|2026-01|重大な不適合|記録がないことを確認した。|{criterion}|{evidence}|
"""


def test_a_finding_stands_on_a_clause_and_on_evidence():
    assert codes(FINDING.format(criterion="第12条", evidence="利用記録")) == []
    assert codes(FINDING.format(criterion="―", evidence="利用記録")) == ["finding"]
    assert codes(FINDING.format(criterion="第12条", evidence="（なし）")) == ["finding"]
    assert codes(FINDING.format(criterion="", evidence="")) == ["finding", "finding"]


def test_a_finding_without_a_column_for_evidence_is_found():
    assert codes("|指摘番号|区分|事実|基準|\n|---|---|---|---|\n|2026-01|観察事項|記録がない。|第12条|") == ["finding"]


def test_good_practice_needs_no_clause():
    text = FINDING.format(criterion="", evidence="利用記録").replace("重大な不適合", "優良事例")
    assert codes(text) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("重大な不適合1件", "重大な不適合３件"),
        ("軽微な不適合は2件", "軽微な不適合は7件"),
        ("指摘事項は4件", "指摘事項は5件"),
        ("達成率は86.7％", "達成率は96.7%"),
        ("網羅率は９１．４％", "網羅率は19.4％"),
        ("6部署及び3システムを対象とした", "7部署及び3システムを対象とした"),
    ],
)
def test_numbers_in_sentences_are_those_of_the_data(right, wrong):
    assert codes(f"{right}である。") == []
    assert codes(f"{wrong}である。") == ["number"]


def marked(shown: str, key: str = "findings.total", value: str = "4") -> Draft:
    line = Line("段落 1", f"指摘事項等は{shown}件である。", marks=(("fig_1", shown),))
    return Draft("a.docx", (line,), {"kind": "report"}, {"fig_1": (key, value)})


def test_marked_numbers_are_compared_with_the_data():
    assert lint(marked("4"), FACTS) == []
    (fault,) = lint(marked("3"), FACTS)
    assert fault.code == "number"
    assert "「3」" in fault.what
    assert "値 4" in fault.what
    # The data may have changed since the paper was made.
    (fault,) = lint(marked("3", value="3"), FACTS)
    assert fault.code == "number"


def test_without_the_data_the_values_in_the_file_count():
    facts = Facts(style=STYLE, kind=PaperKind.REPORT)
    assert lint(marked("4"), facts) == []
    assert [one.code for one in lint(marked("3"), facts)] == ["number"]


def test_a_number_that_lost_its_mark_is_found():
    draft = Draft("a.docx", (Line("段落 1", "指摘事項等がある。"),), {}, {"fig_1": ("findings.total", "4")})
    assert [one.code for one in lint(draft, FACTS)] == ["number"]


def test_the_other_style_is_found_in_the_body():
    assert codes("記録を確認しました。") == ["speech"]
    assert codes("記録を点検してください。") == ["speech"]
    polite = Facts(style=PaperStyle(polite=True), kind=PaperKind.REPORT)
    assert codes("記録を確認した。", polite) == ["speech"]
    assert codes("記録を確認しました。", polite) == []


def test_quotes_and_words_without_a_verb_have_no_style():
    assert codes("掲示には「記録を取ります。」とある。") == []
    assert codes("記録の点検（毎月行います。）は必要である。") == []
    polite = Facts(style=PaperStyle(polite=True), kind=PaperKind.REPORT)
    assert codes("記録の点検\n\n第12条 記録の取得", polite) == []
    assert codes("記録を取得しているか。", polite) == []


def test_letters_are_always_polite():
    assert codes("監査を実施する。", Facts(style=STYLE, kind=PaperKind.NOTICE)) == ["speech"]
    assert codes("監査を実施します。", Facts(style=STYLE, kind=PaperKind.NOTICE)) == []


def test_a_grade_stands_with_its_disclaimer_or_not_at_all():
    assert codes("評価はＢである。") == ["grade"]
    assert codes("|課|評価|\n|---|---|\n|区民課|C|") == ["grade"]
    assert codes(f"評価はBである。{DISCLAIMER}。") == []
    assert codes("規格AからDまでを調べた。") == []


def test_terms_are_explained():
    assert codes("EDRを導入する必要がある。") == ["term"]
    assert codes("端末の検知機能（EDR）を導入する必要がある。EDRを用いる。") == []
    assert codes("以下「EDR」という。") == []
    assert codes("CSIRTに報告する必要がある。") == []  # in the ward's list
    assert codes("CSIRTに報告する。\n\n|用語|意味|\n|---|---|\n|LGWAN|行政専用のネットワーク|") == ["term"]


def test_persons_are_named_by_their_posts():
    assert codes("墨田太郎が確認した。") == ["person"]
    assert codes("墨田　太郎が確認した。") == ["person"]
    assert codes("|担当|\n|---|\n|本所 花子|") == ["person"]
    assert codes("墨田区の課長が確認した。") == []
    draft = Draft("a.docx", (), {}, {}, (), ("墨田 太郎",))
    assert [one.where for one in lint(draft, FACTS)] == ["文書のプロパティ"]


def test_the_public_summary_tells_no_department_system_or_address():
    facts = facts_of(BOOK, STYLE, PaperKind.SUMMARY, {}, ())
    assert codes("区民課に課題がある。", facts) == ["public"]
    assert codes("住民記録システムを調べた。", facts) == ["public"]
    assert codes("10.1.4.13から通信があった。", facts) == ["public"]
    assert codes("6部署及び3システムを対象とした。", facts) == []


def test_traces_of_the_review_are_found():
    draft = Draft("a.docx", (), review=("変更履歴が残っています。",))
    assert [one.code for one in lint(draft, FACTS)] == ["review"]


def test_header_and_footer_are_no_body():
    draft = Draft("a.docx", (Line("word/header1.xml", "確認しました。", Spot.EDGE),))
    assert lint(draft, FACTS) == []
