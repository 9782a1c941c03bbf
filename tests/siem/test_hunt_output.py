"""``secops hunt`` from the command line: which rules run, which hits count, where they go, what is said."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from secops.cli.hunt import hunt as command
from secops.cli.hunt_output import Target, targets_of
from secops.errors import UsageError
from secops.siem import hunt as road
from secops.siem.ports import Span

ROOT = Path(__file__).parents[2]
LOGSOURCES = (ROOT / "rules" / "logsources.yml").read_text(encoding="utf-8")


def rule(number: int, event: int, level: str, tag: str) -> str:
    return f"""title: Rule {number}
id: 11111111-1111-4111-8111-{number:012}
level: {level}
tags: [{tag}]
logsource: {{product: windows, service: security}}
detection: {{selection: {{EventID: {event}}}, condition: selection}}
"""


def event(code: int, minute: int = 0, host: str = "PC-1", **more) -> dict[str, object]:
    when = f"2026-11-23T01:{minute:02}:03Z"
    return {"EventID": code, "Channel": "Security", "Hostname": host, "@timestamp": when, **more}


def lines(*events) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in events).encode()


@pytest.fixture
def place(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yml").write_text(rule(1, 1102, "high", "attack.t1070.001"))
    (tmp_path / "rules" / "b.yml").write_text(rule(2, 4624, "low", "attack.t1078"))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.jsonl").write_bytes(lines(event(1102), event(4624, 1), event(4624, 2, "PC-2"), event(1)))
    return tmp_path


def run(place: Path, *options: str, code: int = 0):
    arguments = [str(place / "logs"), "-r", str(place / "rules"), *options]
    result = CliRunner().invoke(command, arguments, env={"XDG_CACHE_HOME": str(place / "cache")})
    assert result.exit_code == code, (result.output, result.exception)
    return result


def summary(place: Path, *options: str):
    return json.loads(run(place, "--json", *options).stdout)


def test_level_and_tag_choose_the_rules_that_run(place):
    assert [(one["rule.name"], one["count"]) for one in summary(place)["rules"]] == [("Rule 1", 1), ("Rule 2", 2)]
    high = summary(place, "--level", "high")
    assert ([one["rule.name"] for one in high["rules"]], high["rules_active"], high["rules_unchosen"]) == (
        ["Rule 1"],
        1,
        1,
    )
    assert high["rules_inactive"] == {}
    for tag in ("attack.t1078", "T1078", "t10"):
        assert [one["rule.name"] for one in summary(place, "--tag", tag)["rules"]][-1:] == ["Rule 2"]
    assert summary(place, "--tag", "attack.t1059")["hits"] == 0
    assert len(summary(place, "--tag", "t1078", "--tag", "t1070")["rules"]) == 2


CORRELATED = """title: Many logons
id: 22222222-2222-4222-8222-222222222222
level: critical
tags: [attack.t1110]
correlation: {type: event_count, rules: [11111111-1111-4111-8111-000000000002], group-by: [LogonType], timespan: 10m,
  condition: {gte: 2}}
"""


def test_a_chosen_correlation_brings_the_rules_that_feed_it_but_not_their_hits(place):
    (place / "rules" / "c.yml").write_text(CORRELATED)
    logons = [event(4624, minute, "PC-9", LogonType="3") for minute in (1, 2)]
    (place / "logs" / "a.jsonl").write_bytes(lines(event(1102), *logons))
    for options in (["--level", "critical"], ["--tag", "t1110"]):
        found = summary(place, *options)
        assert [(one["rule.name"], one["count"]) for one in found["rules"]] == [("Many logons", 1)]
    assert [one["rule.name"] for one in summary(place, "--tag", "t1078")["rules"]] == []  # it only feeds the other
    (place / "rules" / "c.yml").write_text(CORRELATED.replace("{type", "{generate: true, type"))
    assert [one["rule.name"] for one in summary(place, "--level", "critical")["rules"]] == ["Many logons"]
    assert summary(place, "--tag", "t1078")["rules"][0]["count"] == 2
    run(place, "-o", str(place / "a.html"), "-o", str(place / "a.csv"), "-o", str(place / "a.jsonl"))
    page = (place / "a.html").read_text(encoding="utf-8")
    assert "数えた記録(新しい 2 件。全 2 件)" in page
    assert "PC-9" in (place / "a.csv").read_text(encoding="utf-8").splitlines()[-1]
    assert "event.original" not in json.loads((place / "a.jsonl").read_text().splitlines()[-1])


def test_since_and_until_are_half_open_and_in_japan_time(place):
    assert summary(place, "--since", "2026-11-23T10:01:03", "--until", "2026-11-23T10:02:03")["hits"] == 1
    assert summary(place, "--since", "2026-11-24")["hits"] == 0
    (place / "logs" / "b.jsonl").write_bytes(lines({"EventID": 1102, "Channel": "Security"}))
    assert summary(place, "--since", "2026-11-24")["hits"] == 1  # when it was, nobody knows


def test_several_outputs_of_one_run_hold_the_same_hits(place):
    names = ["a.jsonl", "a.csv", "a.timesketch.csv", "a.html"]
    run(place, *(part for name in names for part in ("-o", str(place / name))))
    found = [json.loads(line) for line in (place / "a.jsonl").read_text().splitlines()]
    assert [(one["rule.name"], one["event.code"], one["host.name"]) for one in found] == [
        ("Rule 1", "1102", "PC-1"), ("Rule 2", "4624", "PC-1"), ("Rule 2", "4624", "PC-2"),
    ]  # fmt: skip
    excel = list(csv.reader(io.StringIO((place / "a.csv").read_bytes().decode("utf-8-sig"), newline="")))
    assert [row[4] for row in excel[1:]] == ["PC-1", "PC-1", "PC-2"]
    sketch = list(csv.DictReader(io.StringIO((place / "a.timesketch.csv").read_text())))
    assert [row["hostname"] for row in sketch] == ["PC-1", "PC-1", "PC-2"]
    page = (place / "a.html").read_text(encoding="utf-8")
    assert "端末 2 台、2 ルールで 3 件を検知(高 1・低 2)" in page


def test_standard_output_carries_the_hits_alone(place):
    result = run(place, "-o", "-", "--format", "jsonl")
    assert len([json.loads(line) for line in result.stdout.splitlines()]) == 3
    assert "3 件が当たりました" in result.stderr
    assert run(place, "--format", "csv").stdout.startswith("\ufeff時刻")


@pytest.mark.parametrize(
    ("outputs", "format", "expected"),
    [
        ([], None, []),
        ([], "csv", [Target("csv", None)]),
        (["a.JSONL"], None, [Target("jsonl", Path("a.JSONL"))]),
        (["a.timesketch.csv"], None, [Target("timesketch", Path("a.timesketch.csv"))]),
        (["a.csv"], "timesketch", [Target("timesketch", Path("a.csv"))]),
        (["a.out", "b.html"], "jsonl", [Target("jsonl", Path("a.out")), Target("html", Path("b.html"))]),
        (["-"], "html", [Target("html", None)]),
    ],
)  # fmt: skip
def test_the_format_of_an_output(outputs, format, expected):
    assert targets_of(outputs, format) == expected


@pytest.mark.parametrize(
    ("outputs", "format"), [(["a.out"], None), (["-"], None), (["-", "-"], "csv"), (["a"], "table")]
)
def test_outputs_that_make_no_sense_are_refused(outputs, format):
    with pytest.raises(UsageError):
        targets_of(outputs, format)


def test_wrong_options_are_exit_code_2(place):
    for options in (["--since", "x"], ["--since", "2026-11-24", "--until", "2026-11-23"], ["--level", "x"]):
        result = CliRunner().invoke(command, [str(place / "logs"), *options], env={"XDG_CACHE_HOME": str(place)})
        assert getattr(result.exception, "exit_code", None) == 2


def test_results_of_an_earlier_run_are_not_searched_and_that_is_said(place):
    run(place, "-o", str(place / "logs" / "hits.jsonl"))
    again = run(place, "-o", str(place / "logs" / "hits.jsonl"), code=1)
    assert "結果を書き出すファイルなので調べませんでした" in again.stderr
    assert len((place / "logs" / "hits.jsonl").read_text().splitlines()) == 3


def on_a_terminal(*arguments: str, cache: Path) -> str:
    """What the real program writes to a terminal of 200 columns."""
    pty = pytest.importorskip("pty", reason="no terminals on this system")
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "TERM": "xterm", "COLUMNS": "200"}
    done = subprocess.Popen(
        [sys.executable, "-m", "secops.cli", "hunt", *arguments], stdout=follower, stderr=follower, env=environment
    )
    os.close(follower)
    text = b""
    with suppress(OSError):  # how Linux says that nobody writes to the terminal any more
        while data := os.read(leader, 65_536):
            text += data
    os.close(leader)
    assert done.wait() == 0, text.decode()
    return text.decode()


def test_a_terminal_gets_a_bar_the_newest_hits_and_how_many_more_there_are(place):
    (place / "logs" / "b.jsonl").write_bytes(lines(*(event(4624, n % 60, f"PC-{n % 7}") for n in range(30_000))))
    shown = on_a_terminal(
        str(place / "logs"), "-r", str(place / "rules"), "--max-rows", "1", "--processes", "1", cache=place / "cache"
    )
    assert "調査中" in shown
    assert "件/秒" in shown
    assert "▲ 高" in shown
    assert "ほか 1 ルール" in shown
    assert "2026-11-23 10:59:03" in shown
    assert "ほか 30,002 件(新しい順に 1 件を表示" in shown


# --------------------------------------------------------------------------------------------------- many processes


def detector_of(place: Path):
    texts = [(str(path), path.read_text()) for path in sorted((place / "rules").iterdir())]
    book = road.Rulebook(texts, LOGSOURCES, None)
    return book, book.detector()


def test_one_process_and_several_give_the_same_hits_in_the_same_order(place, monkeypatch):
    for name in ("_TASK_BYTES", "_SHARE_FROM"):
        monkeypatch.setattr(road, name, 1)
    monkeypatch.setattr(road, "_SPILL", 7)
    for number in range(8):
        (place / "logs" / f"{number}.jsonl").write_bytes(
            lines(*(event(4624, minute, f"PC-{number}-{minute}") for minute in range(30)))
        )
    book, detector = detector_of(place)
    files = road.files_below([place / "logs"])
    done: list[int] = []
    found = [
        [
            hit
            for part in road.hunt(files, detector, book, processes=processes, progress=done.append)
            for hit in part.hits
        ]
        for processes in (1, 3)
    ]
    assert len(found[0]) == 8 * 30 + 3
    assert found[0] == found[1]
    assert sum(done) == 2 * sum(file.stat().st_size for file in files)


def test_a_file_that_kills_its_process_is_said_and_the_others_are_searched(place, monkeypatch):
    for name in ("_TASK_BYTES", "_SHARE_FROM"):
        monkeypatch.setattr(road, name, 1)
    for number in range(6):
        (place / "logs" / f"{number}.jsonl").write_bytes(lines(event(1102, host=f"PC-{number}")))
    search = road._Search.slice

    def deadly(self, one):
        if one.path.name == "3.jsonl":
            os.kill(os.getpid(), signal.SIGKILL)
        yield from search(self, one)

    monkeypatch.setattr(road._Search, "slice", deadly)
    book, detector = detector_of(place)
    if sys.platform != "linux" or "polars" in sys.modules:
        monkeypatch.delitem(sys.modules, "polars")  # the workers must be forks to have the deadly reader
    parts = list(road.hunt(road.files_below([place / "logs"]), detector, book, processes=2))
    assert sorted({hit.host for part in parts for hit in part.hits}) == ["PC-0", "PC-1", "PC-2", "PC-4", "PC-5"]
    problems = [problem for part in parts for problem in part.problems]
    assert [Path(problem.where).name for problem in problems] == ["3.jsonl"]
    assert sum(part.files for part in parts) == 7


@pytest.mark.parametrize("processes", [1, 2])
def test_a_file_whose_reading_hangs_is_said_and_the_others_are_searched(place, monkeypatch, processes):
    monkeypatch.setattr(road, "_PATIENCE", 2.0)
    for number in range(6):
        (place / "logs" / f"{number}.jsonl").write_bytes(lines(event(1102, host=f"PC-{number}")))
    search = road._Search.slice

    def hanging(self, one):
        while one.path.name == "3.jsonl":
            time.sleep(1)
        yield from search(self, one)

    monkeypatch.setattr(road._Search, "slice", hanging)
    book, detector = detector_of(place)
    if sys.platform != "linux" or "polars" in sys.modules:
        monkeypatch.delitem(sys.modules, "polars")  # the workers must be forks to have the reader that hangs
    parts = list(road.hunt(road.files_below([place / "logs"]), detector, book, processes=processes))
    assert [hit.host for part in parts for hit in part.hits] == [f"PC-{n}" for n in (0, 1, 2, 4, 5, 1, 1, 2)]
    (problem,) = [problem for part in parts for problem in part.problems]
    assert Path(problem.where).name == "3.jsonl"
    assert "進まなかったため打ち切りました" in problem.what
    assert sum(part.files for part in parts) == 7


def test_a_record_that_is_too_long_is_said(place, monkeypatch):
    monkeypatch.setattr(road, "_LONGEST", 1 << 20)
    (place / "logs" / "a.json").write_text(
        json.dumps([event(1102), event(1102, x="y" * 9_000_000), event(1102)], indent=1)
    )
    book, detector = detector_of(place)
    parts = list(road.hunt([place / "logs" / "a.json"], detector, book))
    assert sum(len(part.hits) for part in parts) == 2
    assert "レコードが長すぎます" in parts[-1].problems[0].what
    assert parts[-1].problems[0].what.startswith("1 件")


def test_a_record_that_takes_all_memory_is_the_only_one_lost(place, monkeypatch):
    search = road._Search._by_parts

    def greedy(self, batch):
        if any(b"huge" in record for record in batch.records):
            raise MemoryError
        search(self, batch)

    monkeypatch.setattr(road._Search, "_by_parts", greedy)
    (place / "logs" / "b.jsonl").write_bytes(lines(event(1102), event(1102, x="huge"), event(1102)))
    book, detector = detector_of(place)
    (part,) = road.hunt(road.files_below([place / "logs"]), detector, book)
    assert (len(part.hits), part.events) == (5, 7)
    assert [Path(problem.where).name for problem in part.problems] == ["b.jsonl"]
    assert "メモリが足りず" in part.problems[0].what


def test_a_log_without_years_is_of_the_year_before_it_was_written(tmp_path):
    rule = """title: Any
logsource: {product: linux, service: sshd}
detection: {k: [Failed], condition: k}
"""
    (tmp_path / "auth.log").write_text(
        "Dec 31 23:59:59 web1 sshd[1]: Failed password\nJan  1 00:00:01 web1 sshd[1]: Failed x\n"
    )
    os.utime(tmp_path / "auth.log", (1_704_100_000, 1_704_100_000))  # 2024-01-01
    book = road.Rulebook([("r.yml", rule)], LOGSOURCES, None)
    (part,) = road.hunt([tmp_path / "auth.log"], book.detector(), book)
    assert [str(hit.timestamp.year) for hit in part.hits if hit.timestamp] == ["2023", "2023"]  # UTC
    assert part.hits[1].timestamp == datetime(2023, 12, 31, 15, 0, 1, tzinfo=UTC)


def test_a_span_holds_its_begin_and_not_its_end():
    at = datetime(2026, 11, 23, tzinfo=UTC)
    assert Span(at).holds(at)
    assert not Span(None, at).holds(at)
    assert Span().holds(at)
