"""Plans on the console: drafted from the proposal, changed, staffed with the check of independence, approved."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from secops.access.ports import Role
from secops.isms.audit.round import Phase, PlanLevel
from tests.rounds import KUMIN, KUMIN_SYSTEM, LEAD, ZEIMU
from tests.web.stage import HOSTILE, Stage, csrf


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("plans"))
    made.person("lead", Role.AUDIT_LEAD)
    made.person("auditor", Role.AUDITOR)
    yield made
    made.close()


@pytest.fixture
def lead(stage):
    return stage.client("lead")


def send(browser, path: str, **data):
    return browser.post(path, data={"csrf": csrf(browser), **data})


def draft(stage, lead, **more) -> str:
    """A draft of a special audit; its number."""
    said = {"level": "special_audit", "year": "2026", "units": ["kumin", "zeimu"], "phases": ["on_site"], **more}
    answer = send(lead, "/audit/plans", **said)
    assert answer.status_code == 303, answer.text
    found = re.fullmatch(r"/audit/plans/([^?]+)\?done=created", answer.headers["location"])
    assert found
    return found[1]


def test_a_year_from_the_programme_to_the_engagement(stage, lead):
    send(lead, "/audit/plans", level="audit_programme", year="2027", to_year="2029", title="中期計画")
    answer = lead.get("/audit/plan/new?level=annual_plan&above=2027-2029")
    assert 'value="2027"' in answer.text, "the year of the plan above"
    assert answer.text.count('name="units"') == answer.text.count("checked") - 1 == 3, "all units, and one phase"
    for reason in ("監査の記録なし", "アラート 1 件"):
        assert reason in answer.text, "what speaks for a unit stands beside it"
    keys = ["kumin", "kumin/juki", "zeimu"]
    send(
        lead, "/audit/plans", level="annual_plan", year="2027", above="2027-2029", units=keys, office="joho",
        due="2027-07-31", first="2026-04-01", last="2027-03-31", phases=["self_inspection", "on_site"],
    )  # fmt: skip
    plan = stage.rounds.plan("2027", LEAD).plan
    assert (plan.level, plan.units, plan.office, plan.above) == (
        PlanLevel.ANNUAL, (KUMIN, KUMIN_SYSTEM, ZEIMU), "joho", "2027-2029",
    )  # fmt: skip
    assert plan.phases == (Phase.SELF_INSPECTION, Phase.ON_SITE)
    send(lead, "/audit/plans/2027/decide", department="zeimu", chosen="1", note="窓口の移転が重なるため")
    assert "2027 の監査対象から作る(残り 1 件)" in lead.get("/audit/plan/new").text
    page = lead.get("/audit/plan/new?level=engagement_plan&above=2027").text
    assert 'value="zeimu" checked' in page
    assert 'value="kumin"' not in page, "only what the annual plan chose"
    send(lead, "/audit/plans", level="engagement_plan", year="2027", above="2027", units=["zeimu"], begins="2027-09-01")
    assert stage.rounds.plan("2027-1", LEAD).plan.units == (ZEIMU,)
    assert "残り 0 件" in lead.get("/audit/plan/new").text


def test_everything_that_is_wrong_is_said_and_what_was_typed_stays(stage, lead):
    before = len(stage.rounds.plans(LEAD))
    answer = send(
        lead, "/audit/plans", level="special_audit", year="８", units=["kumin", "../etc"], first="2026-04-01",
        begins="soon", title=HOSTILE, purpose="インシデントの原因を確かめる",
    )  # fmt: skip
    assert answer.status_code == 400
    for said in ("年度を西暦 4 桁で", "実施期間の始まり", "最初の日と最後の日の両方", "選べない監査単位です: ../etc"):
        assert said in answer.text
    assert "インシデントの原因を確かめる" in answer.text
    assert 'value="kumin" checked' in answer.text
    assert "<script>alert(1)" not in answer.text
    assert "\u202e" not in answer.text
    assert len(stage.rounds.plans(LEAD)) == before


def test_what_the_desk_refuses_is_said_on_the_form(stage, lead):
    answer = send(lead, "/audit/plans", level="special_audit", year="2026")
    assert answer.status_code == 400
    assert "監査の対象(部署又は情報システム)がありません。" in answer.text
    assert send(lead, "/audit/plans", level="nothing", year="2026").status_code == 400


def test_a_draft_is_changed_and_two_people_do_not_overwrite_each_other(stage, lead):
    number = draft(stage, lead, purpose="前の目的")
    page = lead.get(f"/audit/plans/{number}/edit").text
    assert "前の目的" in page
    said = {"level": "audit_programme", "year": "2026", "units": ["zeimu"], "phases": ["technical"], "revision": "1"}
    assert send(lead, f"/audit/plans/{number}/change", purpose="後の目的", **said).status_code == 303
    plan = stage.rounds.plan(number, LEAD).plan
    assert (plan.level, plan.units, plan.purpose) == (PlanLevel.SPECIAL, (ZEIMU,), "後の目的"), "it stays what it is"
    late = send(lead, f"/audit/plans/{number}/change", purpose="知らずに", **said)
    assert late.status_code == 409
    assert "ほかの人がこの計画を変えました" in late.text
    assert "知らずに" in late.text
    assert stage.rounds.plan(number, LEAD).plan.purpose == "後の目的"


def test_a_draft_is_taken_away_with_a_reason(stage, lead):
    number = draft(stage, lead)
    page = lead.get(f"/audit/plans/{number}").text
    assert f"計画 {number} の案を削除する" in page
    without = send(lead, f"/audit/plans/{number}/drop", reason=" ")
    assert without.status_code == 400
    assert "削除する理由を書いてください" in without.text
    gone = send(lead, f"/audit/plans/{number}/drop", reason="重複していた")
    assert (gone.status_code, gone.headers["location"]) == (303, "/audit/plans?done=gone")
    assert "計画の案を削除しました" in lead.get(gone.headers["location"]).text
    assert lead.get(f"/audit/plans/{number}").status_code == 404


def test_who_is_not_independent_is_refused_at_the_field_with_the_reason(stage, lead):
    number = draft(stage, lead)
    answer = send(lead, f"/audit/plans/{number}/assign", unit="kumin", person="区民 太郎")
    assert answer.status_code == 409
    assert "監査を受ける部署に在籍: 区民課、令和2年4月1日から現在まで" in answer.text
    assert re.search(r'name="person"[^>]*value="区民 太郎"[^>]*aria-describedby="fault-assign"', answer.text)
    assert 'id="fault-assign"' in answer.text
    assert stage.rounds.plan(number, LEAD).assignments == ()
    for person, why in (("", "入力してください"), ("だれか", "台帳")):
        answer = send(lead, f"/audit/plans/{number}/assign", unit="kumin", person=person)
        assert answer.status_code == 400
        assert why in answer.text


def test_an_auditor_sees_the_plan_from_the_moment_of_being_assigned(stage, lead):
    number, auditor = draft(stage, lead), stage.client("auditor")
    assert auditor.get(f"/audit/plans/{number}").status_code == 404
    send(lead, f"/audit/plans/{number}/assign", unit="kumin", person="1001", login="auditor")
    page = auditor.get(f"/audit/plans/{number}")
    assert page.status_code == 200
    assert "監査 花子" in page.text
    assert "/assign" not in page.text, "who audits does not assign"
    assert send(lead, f"/audit/plans/{number}/unassign", unit="kumin", person="1001").status_code == 303
    assert auditor.get(f"/audit/plans/{number}").status_code == 404
    assert send(lead, f"/audit/plans/{number}/unassign", unit="kumin", person="1001").status_code == 404


def test_appointments_stand_on_the_page_and_are_called_off(stage, lead):
    number = draft(stage, lead)
    said = {"unit": "kumin", "on": "2026-12-01", "begins": "09:30", "ends": "11:30", "place": HOSTILE}
    answer = send(lead, f"/audit/plans/{number}/visits", attendees="課長\n係長", materials="台帳", **said)
    assert answer.status_code == 303
    page = lead.get(f"/audit/plans/{number}").text
    assert "令和8年12月1日" in page
    assert "09:30–11:30" in page
    assert "課長、係長" in page
    assert "<script>alert(1)" not in page
    (visit,) = stage.rounds.plan(number, LEAD).visits
    wrong = send(lead, f"/audit/plans/{number}/visits", **{**said, "ends": "08:30"})
    assert wrong.status_code == 400
    assert "後の時刻" in wrong.text
    for clock in ("いつか", "09:30+09:00", ""):
        assert send(lead, f"/audit/plans/{number}/visits", **{**said, "begins": clock}).status_code == 400
    drop = {"unit": "kumin", "begins": visit.begins.isoformat()}
    assert send(lead, f"/audit/plans/{number}/visits/drop", unit="kumin", begins="2026").status_code == 400
    assert send(lead, f"/audit/plans/{number}/visits/drop", **drop).status_code == 303
    assert stage.rounds.plan(number, LEAD).visits == ()


def test_approved_with_its_history_and_then_not_changed(stage, lead):
    number = draft(stage, lead)
    send(lead, f"/audit/plans/{number}/approve", by="CISO", on="2026-11-20")
    page = lead.get(f"/audit/plans/{number}").text
    history = page[page.index('class="trail"') :]
    assert history.index("承認") < history.index("計画の案を作成"), "the newest first"
    assert "CISO" in history
    assert "/edit" not in page
    assert lead.get(f"/audit/plans/{number}/edit").status_code == 409
    assert send(lead, f"/audit/plans/{number}/change", year="2026", units=["zeimu"]).status_code == 409


def test_a_list_without_plans_says_what_to_do_next(tmp_path):
    stage = Stage(tmp_path)
    try:
        stage.person("lead", Role.AUDIT_LEAD)
        stage.person("nobody", Role.AUDITOR)
        for name, said in (("lead", "計画を作る"), ("nobody", "割り当てられた監査はありません")):
            assert said in stage.client(name).get("/audit/plans").text
        empty = stage.client("nobody").get("/audit/plans").text
        assert "計画を作る" not in empty
    finally:
        stage.close()
