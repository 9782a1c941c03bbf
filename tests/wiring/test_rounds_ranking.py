"""Who is audited next, out of what the records of a site tell: grades, findings, alerts, the register of systems."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from secops.isms.audit.findings_ports import Confirmation
from secops.isms.audit.model import Verdict
from secops.isms.audit.ports import Opening
from secops.isms.audit.round import Plan, PlanLevel, Unit
from secops.isms.audit.workpaper import Evidence
from secops.wiring import create_site, open_site
from secops.wiring.rounds import place_of, ranked
from tests.audit_work import AUDITOR, appoint, issue
from tests.rounds import JOHO, KUMIN, NOW, annual, catalogue, sheet_of

DEPARTMENTS = "所属コード,所属名,階層\nkumin,区民課,課\njoho,区民情報課,課\n"
SYSTEMS = "システムコード,システム名,主管課,系統,個人情報\njuki,住民記録システム,kumin,lgwan,要配慮個人情報\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    create_site(folder, settings='[site]\nid = "sumida"\nname = "〇〇区"\n[zones.lgwan]\nlabel = "LGWAN接続系"\n')
    (folder / "inventory" / "departments.csv").write_text(DEPARTMENTS, encoding="utf-8-sig")
    (folder / "inventory" / "systems.csv").write_text(SYSTEMS, encoding="utf-8-sig")
    return folder


def test_what_was_confirmed_found_and_registered_makes_the_order(site):
    with open_site(site) as opened:
        rounds, work = opened.desk.rounds, opened.desk.audit_work
        before = {one.unit.department: [reason.text for reason in one.reasons] for one in ranked(opened, 2027)}
        assert "重大な不適合の記録なし" in before["joho"], "nobody looked: that is not none"
        units = (KUMIN, JOHO)
        rounds.create_plan(annual(units=units, audited=units, office=""), actor="x", now=NOW)
        how: dict[str, Any] = {"by": "委員会", "on": date(2026, 5, 20), "actor": "x", "now": NOW}
        opening = Opening(catalogue(), {unit: place_of(opened.directory, unit) for unit in units})
        rounds.approve("2026", opening=opening, **how)
        engagement = Plan("", PlanLevel.ENGAGEMENT, "実施計画", (2026, 2026), units=units, above="2026")
        rounds.create_plan(engagement, actor="x", now=NOW)
        rounds.approve("2026-1", **how)
        for unit, verdict in ((KUMIN, Verdict.NOT_MET), (JOHO, Verdict.MET)):
            appoint(rounds, AUDITOR, unit)
            sheet = sheet_of(rounds, unit)
            for item in sheet.items:
                made = Confirmation(item, verdict, "台帳を読んだ", evidence=(Evidence("台帳"),))
                work.confirm_paper(sheet.number, made, revision=0, viewer=AUDITOR, now=NOW)
        issue(work)
        found = {Unit(one.unit.department, one.unit.system): one for one in ranked(opened, 2027)}
    told = {unit: [reason.text for reason in one.reasons] for unit, one in found.items()}
    assert "前回の評価 D" in told[KUMIN]
    assert "未是正の重大な不適合 1 件" in told[KUMIN]
    assert "要配慮個人情報を取り扱う" in told[KUMIN]
    assert "前回の監査から 1 年" in told[KUMIN]
    assert not any("評価" in text or "不適合" in text for text in told[JOHO]), "A and no findings bring no points"
    assert "監査の記録なし" in told[Unit("kumin", "juki")]
    assert found[KUMIN].points > found[JOHO].points
