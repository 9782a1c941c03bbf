"""Findings from draft to closed; what each step asks for; what repeats an earlier one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from secops.errors import ConflictError, UsageError
from secops.isms.audit.findings import Tally, checked, closed, issued, lacking, planned, reopened, repeats, tidy
from secops.isms.audit.round import Action, ActionState, Finding, FindingKind, FindingState
from secops.isms.audit.workpaper import Evidence

DAY = date(2026, 12, 1)
DRAFT = Finding("2026-01", FindingKind.MINOR, "退職者のアカウントが残っている", "211", item="a6.2-03")
WHOLE = replace(
    DRAFT,
    clauses=("mic-2025-03-6.2",),
    fact="退職者 3 名のアカウントが有効であった。",
    criterion="対策基準第40条は、退職時に利用者登録を抹消すると定めている。",
    risk="第三者に使われるおそれがある。",
    recommendation="抹消の手順を定められたい。",
    evidence=(Evidence("利用者一覧(12月1日出力)"),),
)
OPEN = issued(replace(WHOLE, state=FindingState.FACT_CHECK), DAY)
MEASURE = Action("異動時の手順を定める", "係長", date(2027, 1, 31))
DONE = replace(MEASURE, state=ActionState.DONE, done_on=date(2027, 1, 20), evidence=(Evidence("手順書"),))


def test_a_draft_says_everything_it_lacks():
    told = "\n".join(map(str, lacking(DRAFT)))
    for word in ("事実", "基準", "リスク", "改善提言", "条項", "証拠"):
        assert word in told
    assert not list(lacking(WHOLE))
    good = replace(DRAFT, kind=FindingKind.GOOD, fact="全員が参加した。", evidence=WHOLE.evidence)
    assert not list(lacking(good)), "a good practice needs no criterion and no recommendation"


@pytest.mark.parametrize("broken", [{"title": " "}, {"title": "a\nb"}, {"department": ""}, {"fact": "あ" * 4001}])
def test_what_cannot_be_kept_is_refused(broken):
    with pytest.raises(UsageError):
        tidy(replace(DRAFT, **broken))


def test_steps_follow_each_other():
    with pytest.raises(ConflictError, match="起案中"):
        issued(WHOLE, DAY)
    assert (OPEN.state, OPEN.opened_on) == (FindingState.OPEN, DAY)
    good = issued(replace(WHOLE, kind=FindingKind.GOOD, state=FindingState.FACT_CHECK), DAY)
    assert (good.state, good.closed_on) == (FindingState.CLOSED, DAY)
    with pytest.raises(ConflictError):
        reopened(good)


def test_a_plan_tells_all_its_mistakes_at_once():
    bad = [
        Action("", "係長", None),
        Action("手順を定める", "", DAY, state=ActionState.DONE),
        Action("更新する", "課長", DAY, state=ActionState.INFEASIBLE, reason="予算がない"),
    ]
    with pytest.raises(UsageError) as told:
        planned(OPEN, " ", bad)
    for words in ("対策 1 改善内容", "対策 1 期限", "対策 2 担当", "完了日と証跡", "例外措置の番号", "原因"):
        assert words in str(told.value)


def test_a_finding_is_closed_when_every_measure_was_found_to_work():
    with pytest.raises(ConflictError, match="改善計画"):
        closed(OPEN, DAY)
    one = planned(OPEN, "手順がなかった", [MEASURE])
    with pytest.raises(ConflictError, match="完了か実施困難"):
        checked(one, 1, on=DAY, text="見た", effective=True)
    one = planned(one, "手順がなかった", [DONE])
    with pytest.raises(ConflictError, match=": 1"):
        closed(one, DAY)
    failed = checked(one, 1, on=DAY, text="手順書に日付がない", effective=False)
    assert failed.actions[0].state is ActionState.RUNNING
    one = checked(one, 1, on=DAY, text="手順書と記録を見た", effective=True)
    done = closed(one, DAY)
    assert (done.state, done.closed_on) == (FindingState.CLOSED, DAY)
    assert reopened(done).state is FindingState.OPEN


def test_what_an_auditor_checked_stays_when_the_plan_changes():
    one = checked(planned(OPEN, "手順がなかった", [DONE]), 1, on=DAY, text="見た", effective=True)
    more = planned(one, "手順がなかった", [DONE, MEASURE])
    assert [action.effective for action in more.actions] == [True, None]
    changed = planned(one, "手順がなかった", [DONE, replace(MEASURE, measure="別")])
    assert changed.actions[0].checked == "見た"
    with pytest.raises(UsageError, match="消せません"):
        planned(one, "手順がなかった", [replace(MEASURE, measure="別")])


def test_overdue_is_a_measure_that_waits_beyond_its_day():
    one = planned(OPEN, "手順がなかった", [MEASURE])
    assert not one.overdue(date(2027, 1, 31))
    assert one.overdue(date(2027, 2, 1))
    assert not planned(OPEN, "x", [DONE]).overdue(date(2027, 2, 1))


def test_repetitions_are_recognised_with_their_reason():
    same_item = replace(WHOLE, number="2025-04", title="別の件名")
    same_words = replace(WHOLE, number="2024-02", item="", title="退職者のアカウントが残っていた")
    same_clause = replace(WHOLE, number="2024-03", item="", title="共用IDの利用", clauses=("mic-2025-03-6.2",))
    elsewhere = replace(WHOLE, number="2025-05", department="312")
    good = replace(WHOLE, number="2025-06", kind=FindingKind.GOOD)
    found = repeats(WHOLE, [same_clause, elsewhere, good, same_words, same_item, WHOLE])
    assert [one.number for one in found] == ["2025-04", "2024-02", "2024-03"]
    assert "監査項目" in found[0].why
    assert "6.2" in found[2].why


def test_every_kind_is_counted():
    assert Tally([WHOLE, WHOLE, replace(WHOLE, kind=FindingKind.GOOD)]) == {
        FindingKind.MAJOR: 0,
        FindingKind.MINOR: 2,
        FindingKind.OPPORTUNITY: 0,
        FindingKind.GOOD: 1,
    }
