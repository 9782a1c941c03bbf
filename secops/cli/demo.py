"""``secops demo``: a simulated ward as a site of its own, and the report on what was noticed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secops.cli.common import emit_json, emit_table, json_option
from secops.locale import _

if TYPE_CHECKING:
    from secops.demo.report import Report
    from secops.wiring import Site


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--run", "run_", is_flag=True, help="作ったあと、収集・検知・画面と模擬の機器を動かす")
@click.option("--report", is_flag=True, help="筋書きごとに、検知できたか・どのルールか・何秒後かを示す")
@click.option("--seed", type=int, default=20261, show_default=True, help="乱数の種(同じ種なら同じ区になる)")
@click.option("--days", type=click.IntRange(1, 60), default=5, show_default=True, help="過去の稼働日の数")
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True, help="画面のポート番号")
@click.option("--play", is_flag=True, hidden=True, help="模擬の機器だけを動かす")
@click.option("--sheets", is_flag=True, hidden=True, help="過去のログがすべて取り込まれたら、裏付け票を作る")
@json_option
def demo(
    folder: Path, run_: bool, report: bool, seed: int, days: int, port: int, play: bool, sheets: bool, as_json: bool
) -> None:
    """模擬の区のサイトを DIR に作る。機器は本物と同じ形のログを書き、収集元はそれを普通に読む。"""
    from secops.demo.player import STATE_FILE

    if play:
        _play(folder)
        return
    if sheets:
        _sheets(folder)
        return
    if report:
        if not (folder / STATE_FILE).exists():
            _build(folder, seed, days, port, as_json=False, quiet=as_json)
        _report(folder, as_json)
        return
    if not (folder / STATE_FILE).exists():
        _build(folder, seed, days, port, as_json)
    elif not run_:
        click.echo(_("{folder} にはすでに模擬の区があります。--run で動かせます。").format(folder=folder), err=True)
    if run_:
        _run(folder, port)


def _run(folder: Path, port: int) -> None:
    """Everything that `secops run` starts, and the ward's machines beside it."""
    import logging

    from secops.cli.run import _said
    from secops.errors import UsageError
    from secops.supervisor import Child
    from secops.wiring import open_site
    from secops.wiring.parts import run_site

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr)
    with open_site(folder) as site:
        if site.settings.web.port != port:
            hint = _("{folder} は画面のポート {port} で作られています。--port {port} で動かしてください。")
            raise UsageError(hint.format(folder=folder, port=site.settings.web.port))
        ward = Child("ward", [sys.executable, "-m", "secops.cli", "demo", str(site.folder), "--play"])
        code = run_site(site, lambda: _ready(site.address), _said, [ward])
    click.echo(_("止めました。次に動かすと続きから始めます。"))
    sys.exit(code)


def _ready(address: str) -> None:
    from secops.demo.build import LOGINS

    click.echo(_("動いています。画面: {address}  (Ctrl-C で止める)").format(address=address))
    click.echo(_("ログイン(この機械の中だけで使えます):"))
    for login in LOGINS:
        click.echo(f"  {login.display_name}: {login.name} / {login.password}")
    click.echo(_("最初に: toban でログインし、アラート一覧の一番上を開いて検知理由を読んでください。"))


def _play(folder: Path) -> None:
    """Be the simulated machines until told to stop."""
    import signal
    import subprocess
    import threading

    from secops.demo.player import play
    from secops.supervisor import when_orphaned
    from secops.wiring.clock import now

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_args: stop.set())
    when_orphaned(stop.set)
    # A program of its own: what it needs of memory is free again when the sheets are made.
    maker = subprocess.Popen([sys.executable, "-m", "secops.cli", "demo", str(folder), "--sheets"])
    try:
        play(folder, now, stop)
    finally:
        maker.terminate()
        maker.wait()


def _sheets(folder: Path) -> None:
    """Wait until all of the history is searchable, then make the sheets, once."""
    import os
    import time

    from secops.demo.player import read_state
    from secops.supervisor import when_orphaned
    from secops.wiring import open_site

    when_orphaned(lambda: os._exit(0))
    os.nice(10)  # what was just switched on has other things to do
    lines = read_state(folder).lines
    with open_site(folder) as site:
        while site.store.stats().rows < lines:
            time.sleep(1)
        _add_evidence(site)


def _add_evidence(site: Site) -> None:
    """The sheets of the departments that the stories concern, as the auditor would have made them."""
    from secops.demo.audit import AUDITED, AUDITOR
    from secops.demo.evidence import concerned
    from secops.demo.player import read_state
    from secops.schema.dates import JST, fiscal_year
    from secops.siem.ports import Scope
    from secops.store.records.evidence import SheetFilter
    from secops.wiring.audits import open_catalogue, open_telemetry
    from secops.wiring.evidence import Period
    from secops.wiring.evidence_site import chosen, room_of

    sheets, plan, now = site.desk.evidence, read_state(site.folder).plan, site.now()
    if sheets.sheets(SheetFilter(), Scope(), limit=1)[1]:
        return
    telemetry, catalogue, room = open_telemetry(site.folder), open_catalogue(site.folder), room_of(site)
    year = str(fiscal_year(now.astimezone(JST).date()))
    for code, names in concerned(plan.history(), site.directory).items():
        wanted = chosen(telemetry, catalogue, names=names)
        made = room.make(wanted, telemetry, Period(code, plan.begin, now), Scope(), AUDITOR.name)
        for sheet in made.sheets:
            round_ = year if code in AUDITED[0] else ""
            sheets.keep(sheet, round_=round_, actor=AUDITOR.name, now=now)


def _build(folder: Path, seed: int, days: int, port: int, as_json: bool, *, quiet: bool = False) -> None:
    import socket

    from secops.demo.audit import Audits, add_audits
    from secops.demo.build import LOGINS, TCP_PORT, UDP_PORT, add_logins, build_demo, free_port, settings_text
    from secops.demo.care import add_care
    from secops.demo.policies import add_policies
    from secops.demo.world import SITE, WARD
    from secops.settings import FILE_NAME
    from secops.wiring import create_site, open_site
    from secops.wiring.policies import open_library
    from secops.wiring.rounds import opening_of

    if not (folder / FILE_NAME).exists():
        udp, tcp = free_port(socket.SOCK_DGRAM, UDP_PORT), free_port(socket.SOCK_STREAM, TCP_PORT)
        create_site(folder, site_id=SITE, name=WARD, settings=settings_text(udp, tcp, port))
    with open_site(folder) as site:
        built = build_demo(site.folder, site.settings, seed, site.now(), days=days)
        add_logins(site.accounts, site.now())
        add_care(site.desk.waivers, site.desk.reviews, site.now())
        add_policies(open_library(site), site.now())
        desk = site.desk
        add_audits(Audits(desk.rounds, desk.audit_work, lambda plan: opening_of(site, plan), site.now()))
        _issue_reports(site)
    if quiet:
        return
    if as_json:
        emit_json({"folder": str(folder), "lines": built.lines, "days": built.days, "logins": LOGINS})
        return
    click.echo(
        _("模擬の区を {folder} に作りました(稼働日 {days} 日分、ログ {lines} 行)。").format(
            folder=folder, days=built.days, lines=f"{built.lines:,}"
        )
    )


def _issue_reports(site: Site) -> None:
    """The papers of the two years that are over, as they were issued."""
    from secops.isms.audit.paper_style import PaperKind
    from secops.isms.audit.releases import ReleaseRequest
    from secops.schema.dates import JST, fiscal_year
    from secops.wiring.papers import papers_of

    room = papers_of(site)
    if room.releases():
        return
    this = fiscal_year(site.now().astimezone(JST).date())
    for year in (this - 2, this - 1):
        for kind in (PaperKind.REPORT, PaperKind.SUMMARY):
            room.release(ReleaseRequest(kind, year), actor="tokatsu")


def _report(folder: Path, as_json: bool) -> None:
    from secops.demo.player import read_state
    from secops.demo.report import make_report
    from secops.wiring import open_site
    from secops.wiring.catchup import catch_up

    state = read_state(folder)
    with open_site(folder) as site:
        catch_up(site)
        _add_evidence(site)
        found = make_report(state, site.desk, site.rules)
    if as_json:
        emit_json(found)
    else:
        _table(found)
    if not all(story.detected for story in found.stories):
        sys.exit(1)


def _table(found: Report) -> None:
    rows = [
        (
            story.title,
            f"{story.detected_times}/{story.times}",
            "" if story.delay_s is None else f"{story.delay_s:.1f}",
            ", ".join(story.rules),
        )
        for story in found.stories
    ]
    emit_table([_("筋書き"), _("検知"), _("秒"), _("ルール")], rows, right=[1, 2])
    click.echo(
        _("通常の業務から出たアラート: {n} 件(全アラート {all} 件)").format(n=found.false_alerts, all=found.alerts)
    )
    for rule, count in sorted(found.false_by_rule.items(), key=lambda one: -one[1]):
        click.echo(f"  {count}  {rule}")
