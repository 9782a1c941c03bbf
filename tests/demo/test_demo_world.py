import socket
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import orjson
import pytest

from secops.demo.build import LOGINS, build_demo, free_port, settings_text
from secops.demo.plan import Plan
from secops.demo.rhythm import ordinary_day
from secops.demo.stories import STORIES
from secops.demo.world import NO_MAIL, inventory, make_world
from secops.org.files import open_directory, open_table
from secops.org.inventory import load_directory
from secops.settings import load, parse
from secops.siem.enrich import make_context

BUILT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # 火 11:00
TODAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def plan():
    return Plan(7, BUILT)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    (folder / "secops.toml").write_text(settings_text(), encoding="utf-8")
    build_demo(folder, load(folder), 7, BUILT)
    return folder


def test_the_ward_has_the_size_it_claims():
    world = make_world(7)
    directory = load_directory(inventory(world, TODAY), parse(settings_text(), "secops.toml"), TODAY)
    assert len([one for one in directory.departments if one.level == "ka"]) == 12
    assert len(directory.staff) == 120
    assert len(directory.devices) > 200
    assert len({person.account for person in world.staff}) == 120
    assert [flow.id for flow in directory.flows if flow.expired(TODAY)] == ["T-003"]


def test_departments_can_be_reminded_by_mail_at_addresses_that_reach_nobody():
    directory = load_directory(inventory(make_world(7), TODAY), parse(settings_text(), "secops.toml"), TODAY)
    mails = {one.code: one.mail for one in directory.departments if one.level == "ka"}
    assert [code for code, mail in mails.items() if not mail] == [NO_MAIL]
    assert all(mail.endswith(".example") for mail in mails.values() if mail)


def test_the_same_seed_makes_the_same_ward_and_day():
    assert make_world(7) == make_world(7)
    assert ordinary_day(make_world(7), TODAY) == ordinary_day(make_world(7), TODAY)
    assert make_world(7) != make_world(8)


def test_ordinary_days_have_a_rhythm(plan):
    lines = ordinary_day(plan.world, TODAY)
    assert len(lines) > 6_000
    per_hour = [sum((line.at.hour + 9) % 24 == hour for line in lines) for hour in range(24)]
    assert per_hour[10] > 2 * per_hour[12] > per_hour[3]
    closed = ordinary_day(plan.world, date(2026, 11, 23))  # 勤労感謝の日
    assert len(closed) < 1_000


def test_history_holds_enough_lines_and_every_story_before_the_ward_was_built(plan):
    scenes = plan.history()
    assert {scene.story for scene in scenes} == {story.id for story in STORIES}
    assert all(plan.begin <= scene.start < scene.end < BUILT for scene in scenes)
    lines = plan.lines(plan.begin, BUILT)
    assert len(lines) > 30_000
    assert lines == sorted(lines)


def test_history_works_at_any_moment_of_the_day_and_year():
    for built in (datetime(2026, 11, 23, 15, 1, tzinfo=UTC), datetime(2027, 1, 3, 4, 0, tzinfo=UTC)):
        plan = Plan(1, built)
        assert all(plan.begin <= scene.start < scene.end < built for scene in plan.history())


def test_spans_of_live_time_join_without_gap_or_overlap(plan):
    end = BUILT + timedelta(minutes=15)
    whole = plan.lines(BUILT, end)
    parts, at = [], BUILT
    while at < end:
        until = min(at + timedelta(seconds=97.3), end)
        parts += plan.lines(at, until)
        at = until
    assert parts == whole
    assert len(list(plan.live(BUILT, end))) >= 13


def test_a_new_story_begins_every_minute(plan):
    starts = [scene.start for scene in plan.live(BUILT, BUILT + timedelta(hours=1))]
    gaps = [(b - a).total_seconds() for a, b in pairwise(starts)]
    assert max(gaps) <= 70


def test_no_story_at_work_needs_the_night(plan):
    night = {story.id for story in STORIES if story.night}
    assert not night & {scene.story for scene in plan.live(BUILT, BUILT + timedelta(hours=2))}
    late = BUILT + timedelta(hours=12)
    assert night <= {scene.story for scene in plan.live(late, late + timedelta(hours=1))}


def test_the_site_s_settings_and_inventory_are_right(site):
    settings = load(site)
    directory = open_directory(site, settings, TODAY)
    assert [str(problem) for problem in directory.warnings if "有効期限" not in problem.where] == []
    assert len({source.id for source in settings.sources}) == len(settings.sources)
    assert all(len(login.password) >= 12 for login in LOGINS)


def test_files_are_written_as_the_products_write_them(site):
    operations = next((site / "logs/lgwan/sousa").glob("*.csv"))
    text = operations.read_bytes().decode("cp932")
    assert text.startswith("発生日時,端末名,IPアドレス,")
    assert "\r\n" in text
    with (site / "logs/mynumber/winlogbeat/winlogbeat.ndjson").open("rb") as file:
        events = [orjson.loads(line) for line in file]
    assert {"4624", "4634", "1"} <= {event["event"]["code"] for event in events}
    firewall = next((site / "logs/boundary/fortigate").glob("*.log")).read_text(encoding="utf-8")
    assert firewall.startswith("<189>date=2026-")
    for pattern in {source.path for source in load(site).sources if source.path}:
        assert list(site.glob(pattern)), pattern


def test_ordinary_work_crosses_zones_only_as_the_register_allows(site, plan):
    """What the flow rules look at is silent on ordinary days: false alerts would come from here."""
    settings = load(site)
    judge = make_context(settings, open_directory(site, settings, TODAY), open_table(site)).judge
    for line in ordinary_day(plan.world, TODAY):
        if line.stream != "fw01":
            continue
        fields = dict(part.split("=", 1) for part in line.data.decode().split() if "=" in part)
        found = judge.judge(fields["srcip"], fields["dstip"], int(fields["dstport"]), "tcp", TODAY)
        assert found.verdict in {"allowed", "registered"}, line


@pytest.mark.parametrize(
    ("story", "verdict"),
    [("mynumber-to-internet", "forbidden"), ("unregistered-flow", "unregistered"), ("expired-flow", "expired")],
)
def test_flow_stories_break_the_rule_they_are_about(site, plan, story, verdict):
    settings = load(site)
    judge = make_context(settings, open_directory(site, settings, TODAY), open_table(site)).judge
    for line in [line for scene in plan.history() if scene.story == story for line in scene.lines]:
        fields = dict(part.split("=", 1) for part in line.data.decode().split() if "=" in part)
        found = judge.judge(fields["srcip"], fields["dstip"], int(fields["dstport"]), "tcp", TODAY)
        assert found.verdict == verdict


def tiers(scene) -> set[str]:
    """The tiers that have to do with a story, read from its lines alone."""
    found = set()
    for line in scene.lines:
        kind, _dash, zone = line.stream.partition("-")
        found |= {zone} if kind in {"win", "ops"} else set() if kind == "fw01" else {"internet"}
        for prefix, name in ((b"10.10.", "mynumber"), (b"10.20.", "lgwan"), (b"10.30.", "internet")):
            if kind in {"fw01", "squid"} and prefix in line.data:
                found.add(name)
    return found


def test_at_least_eight_stories_cross_the_tiers(plan):
    crossing = {scene.story for scene in plan.history() if len(tiers(scene)) > 1}
    assert len(crossing) >= 11, crossing
    assert {"sanitized-macro", "usb-bridge", "contractor-night"} <= crossing


def test_a_taken_port_is_passed_over():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert free_port(socket.SOCK_STREAM, port) > port
