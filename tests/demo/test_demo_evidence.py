"""Stories of the simulated ward from their log lines through the whole pipeline to the numbers of evidence sheets.

The machines write their files, the collectors read them, rules make alerts: nothing here tells the program of a story.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secops.cli.demo import _add_evidence
from secops.demo.build import settings_text
from secops.demo.evidence import SHOWN, concerned
from secops.demo.player import State, write_files, write_state
from secops.demo.stories import STORIES, Scene
from secops.demo.world import SITE, WARD, inventory, make_world
from secops.isms.audit.round import EvidenceSheet
from secops.org.files import write_inventory
from secops.schema.dates import JST
from secops.schema.text import fold
from secops.siem.ports import Alert, AlertFilter, Scope
from secops.store.records.evidence import SheetFilter
from secops.web.isms.items import items_of
from secops.wiring import Site, create_site, open_site
from secops.wiring.audits import open_catalogue
from secops.wiring.catchup import catch_up
from secops.wiring.evidence import Period
from secops.wiring.evidence_site import chosen, room_of

SEED = 20261


class Played:
    """A ward in which nothing but the stories happened, each once (some of the last hour twice), and was worked off."""

    def __init__(self, site: Site, state: State) -> None:
        self.site, self.scenes = site, state.plan.history()
        self.catalogue = open_catalogue(site.folder)
        _add_evidence(site)
        filed, _total = site.desk.evidence.sheets(SheetFilter(), Scope(), limit=500)
        kept = [site.desk.evidence.sheet(one.number, Scope()).sheet for one in filed]
        self.sheets = {(one.unit.department, one.name): one for one in kept}
        self.alerts = list(site.desk.alerts(AlertFilter(), Scope(), limit=500).alerts)

    def sheet(self, story: str, name: str) -> EvidenceSheet:
        """The sheet of the department in which a story happened: that of the machine it began at."""
        return self.sheets[self.department(story), name]

    def scene(self, story: str) -> Scene:
        return next(one for one in self.scenes if one.story == story)

    def department(self, story: str) -> str:
        """The only department (beside the office with the servers) whose device the story's markers name."""
        markers = {fold(one) for one in self.scene(story).markers}
        codes = {one.department for one in self.site.directory.devices if fold(one.name) in markers}
        return next(iter(sorted(codes - {"121"}) or sorted(codes)))

    def alerts_of(self, story: str) -> list[Alert]:
        names = {fold(one) for one in self.scene(story).markers}
        themes = {f"/{theme}/" for one in STORIES if one.id == story for theme in one.themes}
        rules = {one.id for one in self.site.rules if any(theme in one.path for theme in themes)}
        return [
            one
            for one in self.alerts
            if one.rule_id in rules and any(fold(value).split(".")[0] in names or fold(value) in names
                                            for value in map(str, one.entities.values()))
        ]  # fmt: skip


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("ward")
    create_site(folder, site_id=SITE, name=WARD, settings=settings_text(25514, 25515, 28765))
    moment = datetime.now(UTC).replace(microsecond=0)
    write_inventory(folder, inventory(make_world(SEED), moment.astimezone(JST).date()), moment - timedelta(days=30))
    state = State(SEED, moment, 5, 25514, 25515, ((moment - timedelta(seconds=1), moment),))
    write_files(folder / "logs", sorted(line for scene in state.plan.history() for line in scene.lines))
    write_state(folder, state)
    with open_site(folder) as site:
        assert catch_up(site)
        yield Played(site, state)


# Story, query, the figures of the department's sheet that its lines alone make up.
NUMBERS: list[tuple[str, str, dict[str, int]]] = [
    ("usb-mynumber", "usb_use", {"接続の回数(マイナンバー利用事務系)": 1, "媒体へのファイルの複写": 60}),
    ("unregistered-flow", "unregistered_flows", {"通信": 4, "通信元の機器": 1}),
    ("expired-flow", "cross_zone_flows", {"登録の期限切れ": 2}),
    ("mynumber-to-internet", "direct_flows_mynumber", {"認められない通信": 3, "認められない通信をした機器": 1}),
    ("upload-out", "large_uploads", {"100MB 以上の送信": 1, "操作ログのアップロード": 1}),
    ("password-spray", "failed_logons", {"失敗のあったアカウント": 30}),
    ("night-admin-logon", "off_hours_logon", {"アカウント": 1}),
    ("log-clear", "log_clearing", {"セキュリティログの消去": 1}),
]


@pytest.mark.parametrize(("story", "name", "figures"), NUMBERS, ids=[one[0] for one in NUMBERS])
def test_what_a_story_left_in_the_logs_is_in_the_sheet_of_the_department(
    played: Played, story: str, name: str, figures: Any
):
    found = played.sheet(story, name).figures
    for title, least in figures.items():
        assert found[title] is not None
        assert found[title] >= least, (title, dict(found))


@pytest.mark.parametrize("story", [one[0] for one in NUMBERS])
def test_without_the_story_the_number_is_not_there(played: Played, story: str):
    """The day before it happened the same question finds nothing of it."""
    name, figures = next((one[1], one[2]) for one in NUMBERS if one[0] == story)
    scene, telemetry = played.scene(story), _telemetry(played)
    before = Period(played.department(story), scene.start - timedelta(minutes=20), scene.start)
    made = room_of(played.site).make(chosen(telemetry, played.catalogue, names=[name]), telemetry, before, Scope(), "x")
    for title, least in figures.items():
        value = made.sheets[0].figures.get(title)
        assert value is None or value < least, (title, value)


def _telemetry(played: Played) -> Any:
    from secops.wiring.audits import open_telemetry

    return open_telemetry(played.site.folder)


@pytest.mark.parametrize(("story", "name"), [(one[0], one[1]) for one in NUMBERS], ids=[one[0] for one in NUMBERS])
def test_from_the_alert_to_the_item_to_the_query_to_the_sheet_and_back(played: Played, story: str, name: str):
    alerts = played.alerts_of(story)
    assert alerts
    items = {
        item.id: item for one in alerts for some in items_of(played.catalogue, one.clauses).values() for item in some
    }
    asking = [item for item in items.values() if name in item.telemetry]
    assert asking, (story, sorted(items))
    sheet = played.sheet(story, name)
    assert {item.id for item in asking} & set(sheet.items)
    # And back: the item of the sheet is served by the rule that raised the alert.
    rules = {one.rule_id for one in alerts}
    for number in {item.id for item in asking} & set(sheet.items):
        clauses = set(played.catalogue.by_id[number].clauses)
        assert any(rule.id in rules and clauses & set(rule.clauses) for rule in played.site.rules)


def test_every_story_names_queries_and_the_auditor_s_departments_have_sheets(played: Played):
    assert set(SHOWN) == {one.id for one in STORIES}
    wanted = concerned(played.scenes, played.site.directory)
    assert {code for code, _name in played.sheets} == set(wanted)
    assert all((code, name) in played.sheets for code, names in wanted.items() for name in names)
    _add_evidence(played.site)  # again: there are some, so nothing is added
    assert played.site.desk.evidence.sheets(SheetFilter(), Scope())[1] == len(played.sheets)


def test_a_system_has_the_story_of_its_server_in_its_own_sheets(played: Played):
    """At night the contractor logged on to the server of the system: its log, and the alerts that name it."""
    scene, telemetry = played.scene("contractor-night"), _telemetry(played)
    period = Period("", scene.start - timedelta(hours=1), scene.end + timedelta(hours=1), "JUMIN")
    wanted = chosen(telemetry, played.catalogue, names=["remote_access", "alerts_by_clause", "dormant_accounts"])
    made = room_of(played.site).make(wanted, telemetry, period, Scope(), "x")
    remote, alerts, unused = made.sheets
    assert remote.system
    assert remote.figures["遠隔デスクトップ"] == 1
    during = Period("", scene.start - timedelta(days=30), datetime.now(UTC), "JUMIN")
    named = room_of(played.site).make(wanted[1:2], telemetry, during, Scope(), "x").sheets[0]
    mine = [
        one for one in played.alerts if "jumin-ap01" in str(one.entities).lower() or "10.10.0.21" in str(one.entities)
    ]
    assert alerts.figures["アラート"] is not None
    assert 0 < (named.figures["アラート"] or 0) <= len(mine)
    assert set(unused.figures.values()) == {None}
