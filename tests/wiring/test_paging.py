"""Paging as it runs on a site: real records, a real SMTP server, real commands, a kill, the program's own troubles."""

from __future__ import annotations

import email
import email.policy
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secops.cli import secops
from secops.notify.conditions import Watch
from secops.notify.plan import Planner
from secops.schema.severity import Severity
from secops.siem.ports import Hit, MatchedValue, NewBatch, Origin, OutgoingState, Scope
from secops.wiring import create_site, open_site
from secops.wiring.chain import chain_problem, look, note
from secops.wiring.ends import last_beat, note_end, recent_ends
from secops.wiring.locks import held
from secops.wiring.paging import Pager, make_channel, mark, paging, send_due
from secops.wiring.site import Site
from secops.wiring.standin import Absence, Hung
from tests.fakes.certificate import write_certificate

NOW = datetime(2026, 11, 22, 17, 4, tzinfo=UTC)
ALL = Scope()
HOSTILE = "山田花子 K-0213 \\\\fs01\\住民 <script>"
SETTINGS = """
[site]
id = "midori"
name = "緑区"
[rules]
builtin = false
[zones.lgwan]
label = "LGWAN接続系"
[notify]
url = "https://secops.example.lg.jp"
rota = ["a", "b"]
[[notify.channels]]
id = "mail"
kind = "mail"
host = "127.0.0.1"
port = {port}
security = "none"
sender = "secops@midori.example.lg.jp"
timeout_s = 10
[[notify.channels]]
id = "log"
kind = "command"
argv = ["tee", "-a", "paged.jsonl"]
[[notify.people]]
id = "a"
name = "当番一"
contacts = {{ mail = "a@example.lg.jp", log = "a" }}
[[notify.people]]
id = "b"
name = "当番二"
contacts = {{ mail = "b@example.lg.jp" }}
"""


class Inbox:
    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.answer = "250 taken"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("250"):
            self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return self.answer


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Inbox, int]]:
    inbox, port = Inbox(), free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield inbox, port
    controller.stop()


@pytest.fixture
def site(tmp_path: Path, server: tuple[Inbox, int]) -> Iterator[Site]:
    create_site(tmp_path / "site", site_id="midori", settings=SETTINGS.format(port=server[1]))
    server[0].mails.clear()
    server[0].answer = "250 taken"
    with open_site(tmp_path / "site") as opened:
        yield opened


def hit(seq: int, level: Severity) -> Hit:
    """Everything of its event would be personal data."""
    event = {"host.name": f"{HOSTILE}{seq}", "user.name": HOSTILE, "file.path": HOSTILE, "message": HOSTILE}
    matched = (MatchedValue("selection", "message", "contains", HOSTILE, HOSTILE),)
    return Hit("a-rule", level, f"midori.fw.{seq}", "fw", seq, NOW, NOW, "lgwan", event, matched)


def alert(site: Site, *seqs: int, level: Severity = Severity.HIGH) -> None:
    """Alerts as the worker makes them."""
    site.desk.put_hits([hit(seq, level) for seq in seqs], {"fw": max(seqs)}, NOW)


def send_all(site: Site, now: datetime = NOW) -> dict[str, int]:
    """What the threads of the channels do."""
    return {
        one.id: send_due(site.desk.paging, one.id, make_channel(one, site.folder), "midori", lambda: now)
        for one in site.settings.notify.channels
    }


def paged(site: Site) -> list[dict[str, Any]]:
    path = site.folder / "paged.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def wait_for(holds: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_alert_reaches_the_person_on_duty_by_mail_and_command_without_personal_data(site, server):
    alert(site, 1, level=Severity.CRITICAL)
    Pager(site).plan(NOW)
    assert send_all(site) == {"mail": 1, "log": 1}
    (mail,), (line,) = server[0].mails, paged(site)
    assert mail["To"] == "a@example.lg.jp"
    body = mail.get_body().get_content()
    for part in ("緑区", "◆ 重大", "LGWAN接続系", "02:04:00", "番号: 1", "https://secops.example.lg.jp/alerts/1"):
        assert part in body, part
    stored = site.desk.paging.outbox(ALL)[0]
    whole = str(mail["Subject"]) + body + json.dumps(line, ensure_ascii=False) + str([one.content for one in stored])
    for part in ("山田", "K-0213", "fs01", "script", "a-rule"):
        assert part not in whole, part
    assert site.desk.paging.counts().states == {"sent": 2}
    assert "当番一" in [entry.text for entry in site.desk.detail(1, ALL).history]


TEXTS = st.text(min_size=1, max_size=40)


@given(
    event=st.dictionaries(st.sampled_from(["host.name", "user.name", "file.path", "message", "x"]), TEXTS), zone=TEXTS
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_an_event_says_the_message_is_the_same(site, event, zone):
    """From a hit to the outbox: two alerts that differ in everything a log can say make the same message."""
    desk, said = site.desk.paging, []
    pairs: list[tuple[dict[str, str], str]] = [(event, zone), ({}, "")]
    for own, where in pairs:
        seq = site.desk.positions().get("fw", 0) + 1
        found = replace(hit(seq, Severity.HIGH), event={**own, "n": seq}, zone=where, matched=(), rule_id=f"r{seq}")
        site.desk.put_hits([found], {"fw": seq}, NOW)
        desk.advance(lambda notices, _last: Planner(site.settings).decide(notices, None, NOW), NOW)
        content = dict(desk.outbox(ALL, limit=1)[0][0].content)
        said.append({**content, "numbers": len(content["numbers"]), "url": content["url"].rstrip("0123456789")})
    assert said[0] == said[1] or zone in site.settings.zones


def test_nobody_answers_so_the_next_is_called_and_a_storm_is_one_message(site, server):
    pager = Pager(site)
    alert(site, 1)
    pager.plan(NOW)
    alert(site, *range(2, 40))
    pager.plan(NOW + timedelta(seconds=30))
    pager.plan(NOW + timedelta(seconds=61))
    pager.plan(NOW + timedelta(minutes=15))
    assert [one.person for one in site.desk.paging.outbox(ALL)[0]] == ["b", "a", "a", "a", "a"]
    site.desk.assign([1], "b", actor="b", scope=ALL, now=NOW)
    pager.plan(NOW + timedelta(minutes=16, seconds=1))
    send_all(site, NOW + timedelta(minutes=17))
    subjects = [(str(mail["To"]), str(mail["Subject"])) for mail in server[0].mails]
    assert subjects == [(f"{name}@example.lg.jp", "[secops 緑区] ▲ 高 アラート 38 件") for name in "ab"]
    assert site.desk.paging.counts().states == {"sent": 3, "superseded": 3}


def test_a_refusal_is_tried_again_and_recognised(site, server):
    inbox, _port = server
    alert(site, 1)
    Pager(site).plan(NOW)
    inbox.answer = "451 try later"
    assert send_all(site)["mail"] == 0
    (failed,), _total = site.desk.paging.outbox(ALL, state=OutgoingState.FAILED)
    assert failed.reason.endswith("451 try later")
    inbox.answer = "250 taken"
    assert send_all(site, NOW + timedelta(seconds=29))["mail"] == 0
    assert send_all(site, NOW + timedelta(seconds=30))["mail"] == 1
    assert inbox.mails[0]["Message-ID"] == f"<{mark('midori', failed)}@midori.example.lg.jp>"
    assert [one.ok for one in site.desk.paging.outgoing(failed.id, ALL)[1]] == [False, True]


KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from secops.wiring import open_site
from secops.wiring.paging import Pager, send_due
class Way:
    def send(self, message, to, mark):
        (Path(sys.argv[1]) / "first").write_text(mark)
        os.kill(os.getpid(), signal.SIGKILL)
with open_site(Path(sys.argv[1])) as site:
    now = datetime.fromisoformat(sys.argv[2])
    Pager(site).plan(now)
    send_due(site.desk.paging, "mail", Way(), "midori", lambda: now)
"""


def test_a_kill_between_commit_and_record_sends_again_with_the_same_mark(site, server):
    alert(site, 1)
    argv = [sys.executable, "-c", KILLED, str(site.folder), NOW.isoformat()]
    assert subprocess.run(argv, check=False).returncode == -signal.SIGKILL
    assert site.desk.paging.counts().states == {"waiting": 2}
    Pager(site).plan(NOW)
    assert send_all(site) == {"mail": 1, "log": 1}
    assert (site.folder / "first").read_text() in server[0].mails[0]["Message-ID"]


def test_a_channel_that_hangs_delays_no_other_and_the_threads_end(site):
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        port = hanging.getsockname()[1]
        (site.folder / "secops.toml").write_text(SETTINGS.format(port=port), encoding="utf-8")
        with open_site(site.folder) as slow:
            alert(slow, 1)
            with paging(slow):
                wait_for(lambda: slow.desk.paging.counts().states == {"sent": 1, "waiting": 1})
                hanging.close()


def test_only_one_process_pages(site):
    alert(site, 1)
    with held(site.folder, "notify"), paging(site):
        time.sleep(0.3)
    assert site.desk.paging.counts().states == {}


def test_troubles_of_the_program_begin_and_are_over(site, tmp_path):
    now = site.now()
    pager = Pager(site, Watch(settle=timedelta(0)))
    pager.look(now)
    assert site.desk.paging.conditions(ALL) == []
    for _time in range(3):
        note_end(site.folder, "worker-0", now)
    note(site.folder, [], now)
    write_certificate(tmp_path, days=5)
    web = site.settings.web.model_copy(update={"tls_certificate": str(tmp_path / "cert.pem")})
    with Site(site.folder, site.settings.model_copy(update={"web": web})) as other:
        Pager(other, Watch(settle=timedelta(0))).look(now)
    kinds = {(one.kind, one.subject) for one in site.desk.paging.conditions(ALL, open_only=True)}
    assert kinds == {("part_failing", "worker-0"), ("certificate_ending", "")}
    pager.plan(now)
    send_all(site, now)
    assert [line["kind"] for line in paged(site)] == ["condition"]
    assert set(paged(site)[0]["topics"]) == {"part_failing", "certificate_ending"}
    pager.look(now + timedelta(minutes=11))  # no end since, and this one has no certificate
    assert site.desk.paging.counts().conditions == 0
    pager.plan(now + timedelta(minutes=11))
    send_all(site, now + timedelta(minutes=11))
    assert [line["kind"] for line in paged(site)] == ["condition", "over"]


def test_a_broken_chain_is_found_by_the_hourly_look_and_cleared_by_a_whole_one(site):
    journal = site.sealing_journal
    for number in range(3):
        journal.append([NewBatch("fw", NOW, Origin("file", "text", path="x"), [b"line %d" % number])])
        journal.rotate(NOW)
        journal.seal_closed(NOW)
    look(site.folder, NOW)
    assert chain_problem(site.folder) == ""
    path = min((site.folder / "journal").glob("*1.*"))
    whole = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(whole[:40] + b"X" + whole[41:])
    look(site.folder, NOW)
    assert "区間 1" in chain_problem(site.folder)
    look_again = CliRunner().invoke(secops, ["journal", "verify", "--site", str(site.folder)])
    assert look_again.exit_code == 1
    path.write_bytes(whole)
    look(site.folder, NOW)
    assert chain_problem(site.folder) != "", "what a whole look found, a quick one does not clear"
    assert CliRunner().invoke(secops, ["journal", "verify", "--site", str(site.folder)]).exit_code == 0
    assert chain_problem(site.folder) == ""


def test_a_stalled_pipeline_is_measured_while_nothing_of_it_runs(site):
    now = site.now()
    origin = Origin("file", "text", path="x")
    site.journal.append([NewBatch("fw", now - timedelta(minutes=16), origin, [b"waits"])])
    Pager(site, Watch(settle=timedelta(0))).look(now)
    assert [one.kind for one in site.desk.paging.conditions(ALL)] == ["stalled"]


def test_the_supervisor_stands_in_for_a_keeper_that_is_away(site):
    with held(site.folder, "keeper"):
        assert not Absence(site)()
        for _time in range(3):
            note_end(site.folder, "keeper", site.now())
        assert Absence(site)(), "it dies again and again"
    assert recent_ends(site.folder, site.now() + timedelta(minutes=10)) == {}
    (site.folder / "run" / "ends.json").unlink()
    assert not Absence(site)(), "it may be starting"
    assert Absence(site, patience=-1)()


def test_a_keeper_that_lives_and_pages_no_more_is_found_if_it_is_ours(site):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with held(site.folder, "keeper"):
            hung, beat = Hung(site, patience=-1), site.folder / "run" / "notify.beat"
            assert hung() == 0
            beat.write_text("1")
            assert hung() == 0, "somebody else's process"
            beat.write_text(str(child.pid))
            assert hung() == child.pid
            assert Hung(site)() == 0, "it was just seen"
        with Site(site.folder, site.settings) as own, paging(own):
            wait_for(lambda: last_beat(site.folder)[0] == os.getpid())
    finally:
        child.communicate(b"\n")


def test_a_journal_that_cannot_be_read_is_paged(site):
    origin = Origin("file", "text", path="x")
    site.journal.append([NewBatch("fw", NOW, origin, [b"line"])])
    for path in (site.folder / "journal").glob("*.open*"):
        path.write_bytes(b"no journal")
    with Site(site.folder, site.settings) as other:
        Pager(other, Watch(settle=timedelta(0))).look(NOW)
    assert [one.kind for one in site.desk.paging.conditions(ALL)] == ["chain_broken"]


def run(site: Site, *arguments: str, code: int = 0) -> Any:
    done = CliRunner().invoke(secops, ["notify", *arguments, "--site", str(site.folder), "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def test_the_commands(site, server):
    assert run(site, "test", "log")["results"][0]["ok"]
    assert paged(site)[0]["kind"] == "test"
    assert [one["person"] for one in run(site, "test", "mail")["results"]] == ["a", "b"]
    server[0].answer = "554 no"
    assert "554 no" in run(site, "test", "mail", "--to", "b", code=1)["results"][0]["text"]
    for wrong in (["test", "fax"], ["test", "log", "--to", "b"]):
        done = CliRunner().invoke(secops, ["notify", *wrong, "--site", str(site.folder)])
        assert (done.exit_code, "secops.toml" in str(done.exception)) == (1, True)
    alert(site, 1)
    Pager(site).plan(site.now())
    listed = run(site, "list", "--state", "waiting")
    assert [one["subject"] for one in listed["outbox"]] == ["[secops 緑区] ▲ 高 アラート 1 件"] * 2
    shown = run(site, "show", str(listed["outbox"][0]["id"]))
    assert "番号: 1" in shown["text"]
    assert run(site, "confirm", "--alert", "1") == {"alert": True}
    assert run(site, "rota", "--days", "1")[0]["people"] == ["a", "b"]
    for arguments in (["list"], ["show", "1"], ["rota"], ["test", "log"], ["confirm", "--given-up"]):
        done = CliRunner().invoke(secops, ["notify", *arguments, "--site", str(site.folder)])
        assert done.exit_code == 0, done.output
    later = site.now() + timedelta(days=2)
    site.desk.paging.sweep(later, later)
    assert run(site, "list", code=1)["counts"]["given_up"] == 1
    status = CliRunner().invoke(secops, ["status", "--site", str(site.folder)])
    assert "断念した通知が 1 件" in status.output
    assert status.exit_code == 1
    assert run(site, "confirm", "--given-up") == {"given_up": 1}
    assert "断念した通知" not in CliRunner().invoke(secops, ["status", "--site", str(site.folder)]).output


RULE = """
title: Any
id: 6f1c1e9e-6a53-4f0a-9a3f-1b8f0c1d2e3f
logsource: {category: firewall}
detection: {selection: {action: deny}, condition: selection}
level: high
"""


def test_what_nobody_answered_is_a_problem_until_somebody_takes_it(site):
    (site.folder / "rules").mkdir(exist_ok=True)
    (site.folder / "rules" / "any.yml").write_text(RULE, encoding="utf-8")

    def status() -> tuple[int, str]:
        done = CliRunner().invoke(secops, ["status", "--site", str(site.folder)])
        return done.exit_code, done.output

    assert status()[0] == 0, status()[1]
    alert(site, 1)
    pager, now = Pager(site), NOW
    for _step in range(4):  # a, b, everybody, nobody
        assert status()[0] == 0, "as long as somebody may still answer"
        pager.plan(now)
        now += timedelta(minutes=15)
    code, said = status()
    assert code == 1
    assert "応答のないものが 1 件あります(アラート 1)" in said
    assert "secops alerts assign" in said
    taken = CliRunner().invoke(secops, ["alerts", "assign", "1", "--to", "b", "--site", str(site.folder)])
    assert taken.exit_code == 0
    assert status()[0] == 0
