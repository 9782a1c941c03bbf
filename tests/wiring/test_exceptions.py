"""Exceptions in a real site: from a filter file to the counts that `secops rules filters` and `secops status` show."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from secops.cli.alerts import alerts as alerts_command
from secops.cli.rules import rules as command
from secops.cli.status import status as status_command
from secops.cli.trace import os_user
from secops.errors import ConflictError, UsageError
from secops.schema.severity import Severity
from secops.siem.ports import AlertFilter, Scope, Verdict
from secops.siem.triage import states
from secops.siem.triage.exemption import document
from secops.wiring import create_site, open_site
from secops.wiring.exceptions import write_exception
from secops.wiring.ingest import Job, ingest_files
from secops.wiring.parts import drain
from secops.wiring.protection import Watch
from secops.wiring.site import Site
from secops.wiring.status import system_status

RULE = """title: Log cleared
id: 11111111-1111-4111-8111-111111111111
level: high
logsource: {product: windows, service: security}
detection:
  selection: {EventID: 1102}
  condition: selection
"""
FILTER = """title: Clearing by the operator
id: 22222222-2222-4222-8222-222222222222
logsource: {product: windows, service: security}
filter:
  rules: [11111111-1111-4111-8111-111111111111]
  maintenance: {SubjectUserName: unyo}
  condition: not maintenance
secops:
  title_ja: 運用担当によるログの消去
  owner: 情報政策課
  reason: 月次の保守作業
  expires: 2099-03-31
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_site(tmp_path / "ward", site_id="ward")
    (tmp_path / "ward" / "rules" / "cleared.yml").write_text(RULE, encoding="utf-8")
    (tmp_path / "ward" / "rules" / "filters.yml").write_text(FILTER, encoding="utf-8")
    return tmp_path / "ward"


def take_in(site: Site, folder: Path, *users: str) -> None:
    events = [
        {"EventID": 1102, "Channel": "Security", "Hostname": "PC-1", "SubjectUserName": user, "RecordNumber": number}
        for number, user in enumerate(users)
    ]
    log = folder.parent / f"{'-'.join(users)}.jsonl"
    log.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    ingest_files(site, Job([log], next(iter(site.settings.zones))), lambda _size: None)
    drain(site, lambda: False)


def alerts(site: Site) -> int:
    return site.desk.alerts(AlertFilter(rule_id="11111111-1111-4111-8111-111111111111"), Scope()).total


def run(*arguments: str | Path | int, group=command):
    return CliRunner().invoke(group, [str(argument) for argument in arguments])


def test_a_suppressed_hit_is_no_alert_and_is_counted(folder: Path):
    with open_site(folder) as site:
        take_in(site, folder, "unyo", "tanaka", "unyo")
        [count] = site.desk.filter_counts()
        assert (count.count, count.rule_id[:8]) == (2, "11111111")
        assert alerts(site) == 1
        state = system_status(site)
    assert [(one.state, one.suppressed, dict(one.by_rule)) for one in state.filters] == [
        ("active", 2, {"11111111-1111-4111-8111-111111111111": 2})
    ]
    listed = run("filters", "--site", folder)
    assert listed.exit_code == 0, listed.output
    for part in ("運用担当によるログの消去", "情報政策課", "月次の保守作業", "2099-03-31", "\t2\t", "有効"):
        assert part in listed.output, part
    [one] = json.loads(run("filters", "--site", folder, "--json").output)
    assert (one["suppressed"], one["state"], one["expires"]) == (2, "active", "2099-03-31")
    assert "抑止した検知 2 件" in run("--site", folder, group=status_command).output


def test_an_ended_filter_does_not_filter_and_says_so(folder: Path):
    ended = FILTER.replace("2099", "2020")
    (folder / "rules" / "filters.yml").write_text(ended, encoding="utf-8")
    with open_site(folder) as site:
        take_in(site, folder, "unyo")
        assert site.desk.filter_counts() == []
        assert alerts(site) == 1
        assert any("2020-03-31" in text and "運用担当" in text for text in system_status(site).problems)
    assert run("filters", "--site", folder).exit_code == 1
    checked = run("check", folder / "rules")
    assert "filters.yml:12: 例外「運用担当によるログの消去」は 2020-03-31 で期限が切れ" in checked.output


def test_the_last_moment_of_the_last_day(folder: Path):
    with open_site(folder) as site:
        [one] = site.detector.filters
    end = datetime.fromisoformat("2099-04-01T00:00:00+09:00")
    assert one.in_force(end - timedelta(microseconds=1))
    assert not one.in_force(end)
    assert str(one.expires) == "2099-03-31"


def test_the_draft_of_an_alert_becomes_an_exception(folder: Path):
    (folder / "rules" / "filters.yml").unlink()
    with open_site(folder) as site:
        take_in(site, folder, "unyo")
        [alert] = site.desk.alerts(AlertFilter(rule_id="11111111-1111-4111-8111-111111111111"), Scope()).alerts
    written = run("exception", "--site", folder, alert.id, group=alerts_command)
    assert written.exit_code == 0, written.output
    text = (
        written.output.replace("owner: ", "owner: 課")
        .replace("reason: ", "reason: 保守")
        .replace("expires: ", "expires: 2099-03-31")
    )
    (folder / "rules" / "draft.yml").write_text(text, encoding="utf-8")
    assert run("check", folder / "rules").exit_code == 0
    with open_site(folder) as site:
        take_in(site, folder, "unyo", "unyo")
        assert sum(count.count for count in site.desk.filter_counts()) == 2
        number = site.desk.open_manual(
            title="紛失",
            category="loss",
            zone="",
            severity=Severity.LOW,
            department="",
            text="",
            actor="a",
            now=site.now(),
        ).id
    assert "ルールがない" in str(run("exception", "--site", folder, number, group=alerts_command).exception)


def test_an_exception_is_written_at_the_command_line_after_its_preview_was_confirmed(folder: Path):
    (folder / "rules" / "filters.yml").unlink()
    with open_site(folder) as site:
        take_in(site, folder, "unyo", "unyo", "unyo")
        [alert] = site.desk.alerts(AlertFilter(rule_id="11111111-1111-4111-8111-111111111111"), Scope()).alerts

    def exception(*arguments: str):
        return run("exception", "--site", folder, "--as-user", "sato", alert.id, *arguments, group=alerts_command)

    filled = ("--owner", "情報政策課", "--reason", "月次の保守", "--expires", "2099-03-31", "--write")
    assert "対応を完了したアラートだけ" in str(exception("--field", "host.name").exception)
    with open_site(folder) as site:
        verdict = Verdict.BENIGN_TRUE_POSITIVE
        site.desk.close([alert.id], verdict, "作業届", actor="sato", scope=Scope(), now=site.now())
    assert "  expires:    #" in exception().output, "the draft, as ever"
    shown = exception("--field", "host.name")
    assert "検知 3 件のうち 3 件、アラート 1 件" in shown.output
    seen = json.loads(exception("--field", "host.name", "--json").output)
    assert (seen["preview"]["hidden"], seen["preview"]["alerts"], seen["written"]) == (3, [alert.id], "")
    for wrong, said in (
        (("--field", "no.such"), "host.name"),
        (("--write",), "--field"),
        (("--field", "host.name", "--write", "--yes", "3"), "最後の日"),
        (("--field", "host.name", *filled), "--yes 3"),
        (("--field", "host.name", *filled, "--yes", "2"), "対象 3 件、入力 2"),
    ):
        done = exception(*wrong)
        assert (done.exit_code, said in str(done.exception)) == (1, True), (wrong, done.exception)
    assert not (folder / "rules" / "exceptions").exists()
    written = exception("--field", "host.name", *filled, "--yes", "3")
    assert written.exit_code == 0, written.output
    [path] = (folder / "rules" / "exceptions").glob("*.yml")
    assert str(path) in written.output
    with open_site(folder) as site:
        take_in(site, folder, "suzuki", "mori")
        assert sum(count.count for count in site.desk.filter_counts()) == 2
        [entry] = site.accounts.audit_log(action="exception.written")
    assert (entry.actor, entry.target, entry.peer) == (os_user(), str(alert.id), "cli")
    assert "as=sato" in entry.text
    assert "月次の保守" in entry.text


def test_at_the_command_line_too_incidents_are_hidden_only_knowingly(folder: Path):
    (folder / "rules" / "filters.yml").unlink()
    with open_site(folder) as site:
        take_in(site, folder, "unyo")
        [alert] = site.desk.alerts(AlertFilter(rule_id="11111111-1111-4111-8111-111111111111"), Scope()).alerts
        who: dict[str, Any] = {"actor": "sato", "scope": Scope(), "now": site.now()}
        site.desk.close([alert.id], Verdict.BENIGN_TRUE_POSITIVE, "作業届", **who)
        more: dict[str, Any] = {
            "severity": Severity.LOW,
            "department": "",
            "text": "",
            "actor": "sato",
            "now": site.now(),
        }
        case = site.desk.open_manual(title="USB の紛失", category="loss", zone="", **more).id
        site.desk.link(alert.id, [case], **who)

    def exception(*arguments: str):
        filled = ("--owner", "情報政策課", "--reason", "月次の保守", "--expires", "2099-03-31", "--write", "--yes", "1")
        field = ("--field", "host.name")
        return run("exception", "--site", folder, alert.id, *field, *filled, *arguments, group=alerts_command)

    for wrong, said in (
        ((), "インシデント 1 件を隠します"),
        (("--hides-incidents", "2", "--incident-reason", "x"), "インシデント 1 件を隠します"),
        (("--hides-incidents", "1"), "理由"),
    ):
        done = exception(*wrong)
        assert (done.exit_code, said in str(done.exception)) == (1, True), (wrong, done.exception)
    assert not (folder / "rules" / "exceptions").exists()
    done = exception("--hides-incidents", "1", "--incident-reason", "紛失は別件で解決済み")
    assert done.exit_code == 0, done.exception
    [path] = (folder / "rules" / "exceptions").glob("*.yml")
    accepted = f"1 ({alert.id}) 紛失は別件で解決済み / {os_user()}"
    assert f"incidents: '{accepted}'" in path.read_text(encoding="utf-8")
    with open_site(folder) as site:
        assert accepted in site.accounts.audit_log(action="exception.written")[0].text
        assert [one.problem for one in site.detector.filters] == [""]


def told(site: Site) -> list[list[str]]:
    """What the alerts about rules and exceptions say, the oldest alert first."""
    found = [one for one in site.desk.alerts(AlertFilter(), Scope()).alerts if one.kind == "program"]
    details = [site.desk.detail(one.id, Scope()) for one in sorted(found, key=lambda one: one.id)]
    return [
        [line for step in detail.history if step.action == "changed" for line in step.text.splitlines()]
        for detail in details
    ]


def look(site: Site) -> None:
    site._looked = 0.0
    site.refresh()
    Watch(site).look()


def test_others_see_when_rules_stop_or_exceptions_change(folder: Path):
    rule, exception = folder / "rules" / "cleared.yml", folder / "rules" / "filters.yml"
    exception.unlink()
    with open_site(folder) as site:
        _loaded = site.stages
        look(site)
        look(site)
        assert told(site) == [], "the first rules of a site are no change"
        exception.write_text(FILTER, encoding="utf-8")
        look(site)
        look(site)
        added = "例外「運用担当によるログの消去」が加わりました(責任者 情報政策課、期限 2099-03-31)。"
        assert told(site) == [[added]]
        exception.write_text(FILTER.replace("not maintenance", "not 1 of maint*"), encoding="utf-8")
        look(site)
        assert [len(lines) for lines in told(site)] == [2], "while it is open, changes join the alert"
        [alert] = [one for one in site.desk.alerts(AlertFilter(), Scope()).alerts if one.kind == "program"]
        site.desk.close(
            [alert.id], Verdict.BENIGN_TRUE_POSITIVE, "申請どおり", actor="tanaka", scope=Scope(), now=site.now()
        )
        exception.write_text(FILTER.replace("2099-03-31", "2020-03-31"), encoding="utf-8")
        look(site)
        rule.write_text(RULE.replace("condition: selection", "condition: selektion"), encoding="utf-8")
        look(site)
        exception.unlink()
        look(site)
        lines = told(site)[1]
        assert site.desk.alerts(AlertFilter(), Scope()).alerts[0].previous == alert.id
        log = [one for one in site.accounts.audit_log() if one.action == "rules.changed"]
    assert len(lines) == 3
    assert "変わりました" in lines[0]
    assert lines[1].startswith("検知ルール「Log cleared」が動かなくなりました: ")
    assert "selektion" in lines[1]
    assert lines[2] == "例外「運用担当によるログの消去」がなくなりました。"
    assert len(log) == 5
    assert log[-1].text == added


def test_an_exception_that_ends_is_told_when_it_does(folder: Path):
    class Later(Site):
        at = datetime.fromisoformat("2099-03-31T23:59:59+09:00")

        def now(self) -> datetime:
            return self.at

    with open_site(folder) as opened:
        site = Later(opened.folder, opened.settings)
        with site:
            look(site)
            assert len(told(site)) == 1
            site.at += timedelta(seconds=1)
            look(site)
            assert told(site)[0][1] == "例外「運用担当によるログの消去」は期限(2099-03-31)が切れ、抑止をやめました。"
            look(site)
            assert len(told(site)[0]) == 2


def test_a_rule_that_the_settings_switch_off_is_told_at_the_next_start(folder: Path):
    with open_site(folder) as site:
        take_in(site, folder, "tanaka")
        assert alerts(site) == 1
    settings = folder / "secops.toml"
    text = settings.read_text(encoding="utf-8")
    off = '[rules.disabled]\n"11111111-1111-4111-8111-111111111111" = "調整中"\n#'
    settings.write_text(text.replace("[rules.disabled]", off), encoding="utf-8")
    with open_site(folder) as site:
        take_in(site, folder, "suzuki")
        assert alerts(site) == 1
        assert told(site)[0][1:] == ["検知ルール「Log cleared」が動かなくなりました: 調整中"]


def test_an_exception_made_on_the_console_is_in_force_and_none_is_written_that_would_not_be(folder):
    made = FILTER.replace("22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333")
    with open_site(folder) as site:
        path = write_exception(site, made, "33333333-3333-4333-8333-333333333333")
        with pytest.raises(ConflictError):
            write_exception(site, made, "33333333-3333-4333-8333-333333333333")
        for wrong in (made.replace("11111111-", "99999999-"), "title: [", made.replace("2099-03-31", "soon")):
            with pytest.raises(UsageError, match="働かない"):
                write_exception(site, wrong, "44444444-4444-4444-8444-444444444444")
        assert list(path.parent.iterdir()) == [path]
    with open_site(folder) as site:
        [one] = [one for one in site.detector.filters if one.path == str(path)]
        assert (one.problem, one.rules) == ("", ("11111111-1111-4111-8111-111111111111",))


@pytest.mark.parametrize(
    "text", ["課: '係' # 1", 'a"b\\n', "- x\u202e", "{x: 1}", "*", "null", "改\n行", "\ufeff例外", "<b>"]
)
def test_what_people_write_is_in_force_as_they_wrote_it(folder: Path, text: str):
    """Owner and reason are texts of people: none of them may become YAML."""
    (folder / "rules" / "filters.yml").unlink()
    with open_site(folder) as site:
        take_in(site, folder, "unyo")
        [alert] = site.desk.alerts(AlertFilter(rule_id="11111111-1111-4111-8111-111111111111"), Scope()).alerts
        [rule] = [one for one in site.rules if one.id == alert.rule_id]
        chosen = {"host.name": ["PC-1"], "user.name": [text]}
        number, made = document(alert, rule, chosen, owner=text, reason=text, expires=date(2099, 3, 31))
        path = write_exception(site, made, number)
        assert (path.parent.stat().st_mode & 0o777, path.suffix) == (0o700, ".yml")
        assert list(path.parent.iterdir()) == [path], "nothing half written is left"
        site._looked = 0.0
        site.refresh()
        [one] = site.detector.filters
    assert (one.problem, one.owner, one.grounds) == ("", states.said(text, ""), states.said(text, ""))


def test_a_refused_exception_leaves_no_file(folder: Path):
    with open_site(folder) as site:
        for wrong in ("", "title: [", RULE, FILTER.replace("rules: [1", "rules: [2")):
            with pytest.raises(UsageError, match="働かない"):
                write_exception(site, wrong, "44444444-4444-4444-8444-444444444444")
    assert not (folder / "rules" / "exceptions").exists()
