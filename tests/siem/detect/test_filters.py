"""Exceptions: what a filter suppresses, until when, and every mistake that keeps it from doing so."""

from __future__ import annotations

import json
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from secops.siem.detect import load_detector
from tests.examples import examples
from tests.siem.detect import reference
from tests.siem.detect.cases import ANYTHING, frame, rule_file
from tests.siem.detect.test_engine_agrees import DETECTION, EVENTS, typed

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
OWN = {"owner": "情報政策課", "reason": "資産管理ソフトの巡回", "expires": "2027-03-31"}
POWERSHELL = {"selection": {"Image|endswith": "powershell.exe"}, "condition": "selection"}
BACKUP = {"selection": {"User|startswith": "svc_"}, "condition": "not selection"}
IDS = [f"00000000-0000-4000-8000-{number:012}" for number in range(10)]


def uuid_of(name):
    return str(uuid5(NAMESPACE_URL, name))


def filter_file(name="f1", own=OWN, rules=(IDS[0],), path="", **filter_parts):
    document = {
        "title": f"Filter {name}",
        "id": uuid_of(name),
        "logsource": {"product": "any"},
        "filter": {"rules": rules if isinstance(rules, str) else list(rules), **(filter_parts or BACKUP)},
        "secops": own,
    }
    return path or f"rules/{name}.yml", json.dumps(document, ensure_ascii=False)


def engine_of(*files):
    return load_detector(list(files), ANYTHING)


def seen(engine, *events, now=NOW):
    return [(match.rule, list(match.rows), list(match.filtered)) for match in engine.match(frame(*events), now=now)]


EVENTS_OF_TWO = ({"Image": "a\\powershell.exe", "User": "svc_inv"}, {"Image": "a\\powershell.exe", "User": "tanaka"})


def test_what_the_filter_describes_is_suppressed_and_counted():
    engine = engine_of(rule_file(0, POWERSHELL), filter_file())
    assert seen(engine, *EVENTS_OF_TWO) == [(0, [1], [(0, 0)])]
    assert engine.problems == []


def test_a_filter_is_no_rule_and_says_what_it_is():
    engine = engine_of(filter_file(own=OWN | {"title_ja": "巡回の除外"}), rule_file(0, POWERSHELL))
    assert len(engine.rules) == 1
    [one] = engine.filters
    assert (one.id, one.title_ja, one.owner, one.grounds) == (
        uuid_of("f1"),
        "巡回の除外",
        "情報政策課",
        "資産管理ソフトの巡回",
    )
    assert (one.rules, one.every, one.keeps_only, one.problem) == ((IDS[0],), False, False, "")
    assert one.until == datetime(2027, 3, 31, 15, 0, tzinfo=UTC), "the end of the day in Japan"


def test_without_a_time_the_rules_speak_for_themselves():
    engine = engine_of(rule_file(0, POWERSHELL), filter_file())
    assert seen(engine, *EVENTS_OF_TWO, now=None) == [(0, [0, 1], [])]


def test_a_filter_ends_while_the_program_runs():
    engine = engine_of(rule_file(0, POWERSHELL), filter_file())
    last = datetime(2027, 3, 31, 14, 59, 59, tzinfo=UTC)
    assert seen(engine, *EVENTS_OF_TWO, now=last) == [(0, [1], [(0, 0)])]
    assert seen(engine, *EVENTS_OF_TWO, now=last + timedelta(seconds=1)) == [(0, [0, 1], [])]
    assert engine.filters[0].in_force(last)
    assert not engine.filters[0].in_force(last + timedelta(seconds=1))


def test_the_time_a_record_was_received_counts_before_now():
    engine = engine_of(rule_file(0, POWERSHELL), filter_file())
    times = [datetime(2027, 3, 31, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC)]
    table = frame(EVENTS_OF_TWO[0], EVENTS_OF_TWO[0]).with_columns(
        pl.Series("event.ingested", times, dtype=pl.Datetime("us", "UTC"))
    )
    [match] = engine.match(table, now=datetime(2027, 5, 1, tzinfo=UTC))
    assert (list(match.rows), list(match.filtered)) == ([1], [(0, 0)]), "a replay in May suppresses what was in March"


def test_each_of_two_filters_counts():
    both = filter_file("f2", selection={"Image|contains": "a"}, condition="not selection")
    engine = engine_of(rule_file(0, POWERSHELL), filter_file(), both)
    assert seen(engine, *EVENTS_OF_TWO) == [(0, [], [(0, 0), (0, 1), (1, 1)])]


def test_a_filter_by_name_by_file_name_and_for_any_rule():
    named = rule_file(1, POWERSHELL, name="ps_started")
    _path, text = rule_file(2, POWERSHELL)
    files = [rule_file(0, POWERSHELL), named, ("rules/by_file.yml", text)]
    assert [rule for rule, rows, _ in seen(engine_of(*files, filter_file()), *EVENTS_OF_TWO) if 0 in rows] == [1, 2]
    two = filter_file(rules=("ps_started", "by_file"))
    assert [rule for rule, rows, _ in seen(engine_of(*files, two), *EVENTS_OF_TWO) if 0 in rows] == [0]
    every = engine_of(*files, filter_file(rules="any"))
    assert [rows for _rule, rows, _ in seen(every, *EVENTS_OF_TWO)] == [[1], [1], [1]]
    assert (every.filters[0].every, every.filters[0].rules) == (True, tuple(IDS[:3]))


def test_a_filter_with_keywords():
    engine = engine_of(rule_file(0, POWERSHELL), filter_file(keywords=["backup job"], condition="not keywords"))
    events = ({"Image": "powershell.exe", "X": "the Backup Job 7"}, {"Image": "powershell.exe", "X": "job"})
    assert seen(engine, *events) == [(0, [1], [(0, 0)])]


def test_fields_of_filters_are_read():
    where = "logsources: [{product: any, prefixes: ['own.']}]"
    engine = load_detector([rule_file(0, POWERSHELL), filter_file()], where)
    assert {"own.Image", "own.User"} <= engine.reads
    assert {"own.Image", "own.User"} <= engine.wanted


def test_a_filter_survives_the_cache(tmp_path):
    files = [rule_file(0, POWERSHELL), filter_file()]
    first = load_detector(files, ANYTHING, tmp_path)
    second = load_detector(files, ANYTHING, tmp_path)
    assert second.filters == first.filters
    assert seen(second, *EVENTS_OF_TWO) == seen(first, *EVENTS_OF_TWO) == [(0, [1], [(0, 0)])]


def test_the_wrong_polarity_is_refused_unless_it_is_meant():
    """``condition: selection`` keeps only what is selected: everything else would be suppressed."""
    wrong = {"selection": {"User|startswith": "svc_"}, "condition": "selection"}
    engine = engine_of(rule_file(0, POWERSHELL), filter_file(**wrong))
    assert seen(engine, *EVENTS_OF_TWO) == [(0, [0, 1], [])]
    assert "not selection" in engine.problems[0].what
    meant = engine_of(rule_file(0, POWERSHELL), filter_file(own=OWN | {"keep_only": True}, **wrong))
    assert seen(meant, *EVENTS_OF_TWO) == [(0, [0], [(1, 0)])]
    assert meant.filters[0].keeps_only
    assert meant.problems == []


YAML = """title: Inventory tool
name: filter_y
logsource:
  product: any
filter:
  rules:
    - 00000000-0000-4000-8000-000000000000
    - no_such_rule
    - 00000000-0000-4000-8000-000000000001
  selection:
    User|startswith: svc_
  condition: not selection
secops:
  owner: 情報政策課
  reason: 巡回
  expires: 2027-03-31
  expiry: soon
"""


def test_every_mistake_has_its_line_and_the_right_rest_filters():
    other = rule_file(1, POWERSHELL, logsource={"product": "any", "service": "else"})
    where = ANYTHING.replace("logsources: [", "logsources: [{product: any, service: else, prefixes: ['']}, ")
    engine = load_detector([rule_file(0, POWERSHELL), other, ("rules/y.yml", YAML)], where)
    assert [problem.where for problem in engine.problems] == ["rules/y.yml:17", "rules/y.yml:8"]
    assert engine.filters[0].rules == (IDS[0], IDS[1]), "product alone covers every service of it"
    narrow = YAML.replace("product: any", "service: other")
    engine = load_detector([rule_file(0, POWERSHELL), ("rules/y.yml", narrow)], ANYTHING)
    assert [problem.where for problem in engine.problems][-1] == "rules/y.yml:9"
    assert "product" not in engine.filters[0].logsource
    assert engine.filters[0].problem


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        ((" owner: 情報政策課\n", " title_ja: 題\n"), 13, "owner"),
        ((" reason: 巡回\n", " title_ja: 題\n"), 13, "reason"),
        ((" expires: 2027-03-31\n", " title_ja: 題\n"), 13, "expires"),
        (("expires: 2027-03-31", "expires: next year"), 16, "next year"),
        (("reason: 巡回", "reason: [a]"), 15, "reason"),
        (("condition: not selection", "condition: not selektion"), 12, "selektion"),
        (("condition: not selection", "condition: not ("), 12, ""),
        (("User|startswith", "User|startwith"), 11, "startwith"),
        (("User|startswith: svc_", "User|re: '(?=a)'"), 11, "RE2"),
    ],
)
def test_a_filter_that_nobody_answers_for_or_that_cannot_be_read_does_not_filter(change, line, said):
    text = YAML.replace(
        "    - no_such_rule\n    - 00000000-0000-4000-8000-000000000001\n", "    - rule_0\n    - rule_0\n"
    )
    text = text.replace("  expiry: soon\n", "")
    rule = rule_file(0, POWERSHELL, name="rule_0")
    assert engine_of(rule, ("rules/y.yml", text)).problems == []
    engine = engine_of(rule, ("rules/y.yml", text.replace(*change)))
    assert f"rules/y.yml:{line}" in {problem.where for problem in engine.problems}
    assert any(said in problem.what for problem in engine.problems)
    assert engine.filters[0].problem
    assert seen(engine, *EVENTS_OF_TWO) == [(0, [0, 1], [])]


def test_a_filter_without_secops_at_all_or_without_rules():
    engine = engine_of(rule_file(0, POWERSHELL), filter_file(own=None))
    assert {"owner", "reason", "expires"} <= {
        word.strip("。.") for p in engine.problems for word in p.what.replace("secops.", " ").split()
    }
    text = YAML[: YAML.index("  rules:")] + YAML[YAML.index("  selection:") :]
    engine = engine_of(rule_file(0, POWERSHELL), ("rules/y.yml", text))
    assert engine.filters[0].problem
    assert seen(engine, *EVENTS_OF_TWO) == [(0, [0, 1], [])]


def test_the_second_of_two_filters_with_one_id_does_not_filter():
    engine = engine_of(rule_file(0, POWERSHELL), filter_file(), filter_file(path="rules/again.yml"))
    assert [bool(one.problem) for one in engine.filters] == [False, True]
    assert engine.problems[0].where.startswith("rules/again.yml:")


def test_a_field_that_the_log_does_not_have_is_said():
    where = "logsources: [{product: any, fields: {Image: process.executable}}]"
    engine = load_detector([rule_file(0, POWERSHELL), filter_file()], where)
    assert "User" in engine.problems[0].what
    assert engine.filters[0].problem


def test_a_filter_does_not_bear_on_a_correlation():
    correlation = "title: C\nname: many\ncorrelation: {type: event_count, rules: [x], group-by: [User], timespan: 1h}\n"
    engine = engine_of(rule_file(0, POWERSHELL), ("c.yml", correlation), filter_file(rules=("many", IDS[0])))
    assert any("相関ルール" in problem.what and problem.where.startswith("rules/f1") for problem in engine.problems)
    assert engine.filters[0].rules == (IDS[0],)


FILTER_DETECTION = DETECTION.map(dict)
TARGETS = st.one_of(st.just("any"), st.lists(st.sampled_from(IDS[:3]), min_size=1, max_size=2, unique=True))


@settings(
    max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(
    st.lists(DETECTION, min_size=1, max_size=3),
    st.lists(st.tuples(FILTER_DETECTION, TARGETS, st.booleans()), min_size=1, max_size=3),
    EVENTS,
)
def test_filters_are_conditions_put_behind_those_of_the_rules(detections, filters, events):
    """The definition of Sigma: a rule with filters is ``(rule) and (filter) and …``; here with counts, and an end."""
    events = [{name: typed(events, name, value) for name, value in event.items()} for event in events]
    files = [rule_file(number, detection) for number, detection in enumerate(detections)]
    ended = "2026-11-01"
    for number, (detection, targets, live) in enumerate(filters):
        own = OWN | {"keep_only": True} | ({} if live else {"expires": ended})
        files.append(filter_file(f"f{number}", own, targets, **detection))
    engine = load_detector(files, ANYTHING)
    assume(len(engine.rules) == len(detections))
    got = {match.rule: (list(match.rows), list(match.filtered)) for match in engine.match(frame(*events), now=NOW)}
    again = {match.rule: (list(match.rows), list(match.filtered)) for match in engine.match(frame(*events), now=NOW)}
    assert got == again
    for rule, detection in enumerate(detections):
        rows, gone = [], []
        for row, event in enumerate(events):
            if not reference.matches({"detection": detection}, event):
                continue
            against = [
                number
                for number, (condition, targets, live) in enumerate(filters)
                if live
                and (targets == "any" or IDS[rule] in targets)
                and not reference.matches({"detection": condition}, event)
            ]
            if against:
                gone += [(row, number) for number in against]
            else:
                rows.append(row)
        assert got.get(rule, ([], [])) == (rows, gone)


def test_the_example_of_the_guides_works():
    root = Path(__file__).parents[3]
    guide = (root / "docs/ja/operator.md").read_text(encoding="utf-8")
    written = [guide.split("```yaml\n")[1].split("```")[0]]
    readme = (root / "rules/README.md").read_text(encoding="utf-8")
    written.append(
        textwrap.dedent(
            readme.split("it suppresses nothing and `secops rules check` says why.\n")[1].split("\n`secops")[0]
        )
    )
    rule = rule_file(
        0,
        {"selection": {"CommandLine|contains": "download"}, "condition": "selection"},
        id="3b6ab547-8ec2-4991-b9d2-2b06702a48d7",
        logsource={"product": "windows", "category": "process_creation"},
    )
    where = "logsources: [{product: windows, category: process_creation, prefixes: ['']}]"
    event = {"CommandLine": "download", "User": "ward\\svc_inventory", "ParentImage": "C:\\x\\inventory_agent.exe"}
    for text in written:
        engine = load_detector([rule, ("f.yml", text)], where)
        assert engine.problems == []
        assert seen(engine, event, event | {"User": "x"}) == [(0, [1], [(0, 0)])]
