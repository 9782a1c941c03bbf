"""A release of rules comes in as a whole, says what it changes, and can be taken back."""

from __future__ import annotations

import json
import re
import stat
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from secops.cli.rules import rules
from secops.errors import ConflictError, InputError, UsageError
from secops.wiring import create_site, open_site, releases
from secops.wiring.releases import import_release, undo_import

NOW = datetime(2026, 11, 26, 1, 2, 3, tzinfo=UTC)


def rule(number: int, title="Rule", level="high", image="a.exe"):
    return f"""
title: {title} {number}
id: 00000000-0000-4000-8000-{number:012}
status: test
level: {level}
logsource: {{product: windows, category: process_creation}}
detection:
  selection: {{Image|endswith: '\\{image}'}}
  condition: selection
"""


FIRST = {
    "rules/windows/one.yml": rule(1),
    "rules/windows/two.yml": rule(2),
    "rules/cloud/aws.yml": rule(3).replace("product: windows, category: process_creation", "product: aws"),
    "tests/thor.yml": "version: 1\nlogsources: {}\n",
    "README.md": "a text",
    "LICENSE": "Detection Rule License",
}
SECOND = {
    "rules/windows/moved/one.yml": rule(1),
    "rules/windows/two.yml": rule(2, level="critical", image="b.exe"),
    "rules/windows/four.yml": rule(4),
}


@pytest.fixture
def site(tmp_path: Path):
    create_site(tmp_path / "site", site_id="ward")
    return tmp_path / "site"


def folder(tmp_path: Path, files, name="release"):
    for path, text in files.items():
        target = tmp_path / name / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return tmp_path / name


def archive(tmp_path: Path, files, name="release.zip"):
    with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as target:
        for path, text in files.items():
            target.writestr(path, text)
    return tmp_path / name


def take_in(site: Path, source: Path, minutes=0, *, dry_run=False):
    with open_site(site) as opened:
        return import_release(opened, source, actor="sato", now=NOW + timedelta(minutes=minutes), dry_run=dry_run)


def ids(site: Path):
    with open_site(site) as opened:
        return {one.id[-1] for one in opened.rules if one.id.startswith("00000000-0000-4000-8000")}


@pytest.mark.parametrize("make", [folder, archive])
def test_a_release_is_in_force_when_it_is_in(site: Path, tmp_path: Path, make):
    done = take_in(site, make(tmp_path, FIRST))
    assert [one.title for one in done.comparison.new] == ["Rule 1", "Rule 2", "Rule 3"]
    assert (done.rules, done.ignored, done.applied) == (3, 1, True)
    assert [one.id[-1] for one in done.inactive] == ["3"]
    assert "aws" in done.inactive[0].reason
    assert ids(site) == {"1", "2", "3"}
    assert (site / "imported" / done.name / "LICENSE").read_text() == "Detection Rule License"
    assert not (site / "imported" / done.name / "tests").exists()


def test_the_next_one_says_what_it_changes(site: Path, tmp_path: Path):
    take_in(site, folder(tmp_path, FIRST))
    done = take_in(site, folder(tmp_path, SECOND, "next"), 5)
    assert [one.title for one in done.comparison.new] == ["Rule 4"]
    assert [(one.after.title, one.keys) for one in done.comparison.changed] == [("Rule 2", ("level", "detection"))]
    assert [one.title for one in done.comparison.withdrawn] == ["Rule 3"]
    assert done.comparison.unchanged == 1  # it only moved
    assert ids(site) == {"1", "2", "4"}


CORRELATION = """title: Many
name: many
level: high
correlation: {{type: event_count, rules: [{ref}], group-by: [host.name], timespan: 5m, condition: {{gte: {number}}}}}
"""
FILTER = """title: Job
id: 22222222-2222-4222-8222-222222222222
logsource: {{product: windows, category: process_creation}}
filter: {{rules: [{ref}], selection: {{User: {user}}}, condition: not selection}}
secops: {{owner: 情報政策課, reason: 定期実行, expires: 2099-03-31}}
"""


def beside(number: int, user: str, folder: str, ref: str = "00000000-0000-4000-8000-000000000001"):
    """A release with a correlation that has a name only, and a filter."""
    many = {f"{folder}/many.yml": CORRELATION.format(ref=ref, number=number)}
    return {**FIRST, **many, f"{folder}/job.yml": FILTER.format(ref=ref, user=user)}


def test_correlations_and_filters_are_listed_as_what_they_are(site: Path, tmp_path: Path):
    done = take_in(site, folder(tmp_path, beside(2, "x", "a")))
    kinds = {one.title: one.kind for one in done.comparison.new}
    assert kinds == {"Many": "correlation", "Job": "filter", **{f"Rule {n}": "rule" for n in (1, 2, 3)}}
    done = take_in(site, folder(tmp_path, beside(3, "y", "b"), "next"), 5)
    changed = [(one.after.title, one.after.kind, one.keys) for one in done.comparison.changed]
    assert changed == [("Job", "filter", ("filter",)), ("Many", "correlation", ("correlation",))]
    assert (list(done.comparison.new), list(done.comparison.withdrawn)) == ([], []), "by name, in another folder"
    done = take_in(site, folder(tmp_path, FIRST, "last"), 10)
    assert [(one.title, one.kind) for one in done.comparison.withdrawn] == [("Job", "filter"), ("Many", "correlation")]


def test_a_correlation_and_a_filter_that_will_not_run_are_named(site: Path, tmp_path: Path):
    done = take_in(site, folder(tmp_path, beside(2, "x", "a", ref="99999999-9999-4999-8999-999999999999")))
    named = {one.title: one.reason for one in done.inactive}
    assert set(named) == {"Many", "Job", "Rule 3"}
    assert all(named.values())


def test_a_dry_run_changes_nothing(site: Path, tmp_path: Path):
    done = take_in(site, folder(tmp_path, FIRST), dry_run=True)
    assert (len(done.comparison.new), done.applied) == (3, False)
    assert ids(site) == set()
    assert list((site / "imported").iterdir()) == []


def test_it_can_be_taken_back(site: Path, tmp_path: Path):
    with open_site(site) as opened, pytest.raises(ConflictError):
        undo_import(opened, actor="sato", now=NOW)
    take_in(site, folder(tmp_path, FIRST))
    take_in(site, folder(tmp_path, SECOND, "next"), 5)
    with open_site(site) as opened:
        undo_import(opened, actor="sato", now=NOW)
    assert ids(site) == {"1", "2", "3"}
    with open_site(site) as opened:
        assert undo_import(opened, actor="sato", now=NOW) == ""
    assert ids(site) == set()


def test_who_did_it_is_in_the_audit_log(site: Path, tmp_path: Path):
    done = take_in(site, folder(tmp_path, FIRST))
    with open_site(site) as opened:
        [entry] = opened.accounts.audit_log(action="rules_imported")
    assert (entry.actor, entry.target, entry.peer) == ("sato", done.name, "cli")
    assert done.sha256 in entry.text


def test_an_exception_that_loses_its_rule_is_named(site: Path, tmp_path: Path):
    take_in(site, folder(tmp_path, FIRST))
    (site / "rules").mkdir(exist_ok=True)
    (site / "rules" / "except.yml").write_text(
        "title: Job\nid: 22222222-2222-4222-8222-222222222222\n"
        "logsource: {product: windows, category: process_creation}\n"
        "filter: {rules: [00000000-0000-4000-8000-000000000002], selection: {User: x}, condition: not selection}\n"
        "secops: {owner: 情報政策課, reason: 定期実行, expires: 2099-03-31}\n",
        encoding="utf-8",
    )
    without = {path: text for path, text in FIRST.items() if not path.endswith("two.yml")}
    done = take_in(site, folder(tmp_path, without, "next"), 5)
    assert [Path(problem.where).name for problem in done.orphans] == ["except.yml"]


def test_a_broken_rule_comes_in_and_is_named(site: Path, tmp_path: Path):
    broken = {**FIRST, "rules/broken.yml": "title: x\ndetection:\n  selection: [\n"}
    done = take_in(site, folder(tmp_path, broken))
    assert any(one.path == "rules/broken.yml" for one in done.inactive)
    assert {"1", "2"} <= ids(site)


def test_a_hostile_archive_writes_nowhere_else(site: Path, tmp_path: Path):
    path = archive(tmp_path, {**FIRST, "../../evil.yml": rule(7), "/etc/evil.yml": rule(8), "a\\..\\b.yml": rule(9)})
    with zipfile.ZipFile(path, "a") as target:
        link = zipfile.ZipInfo("link.yml")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        target.writestr(link, "/etc/passwd")
        target.writestr("large.yml", rule(6) + "#" * releases.MAX_FILE)
    done = take_in(site, path)
    assert len(done.problems) == 5
    assert ids(site) == {"1", "2", "3"}
    assert not list(tmp_path.rglob("evil.yml"))


@pytest.mark.parametrize("files", [{"README.md": "x"}, {"a.yml": "version: 1\n"}])
def test_a_release_without_rules_is_refused(site: Path, tmp_path: Path, files):
    take_in(site, folder(tmp_path, FIRST))
    with pytest.raises(InputError):
        take_in(site, folder(tmp_path, files, "next"), 5)
    assert ids(site) == {"1", "2", "3"}


def test_a_running_site_takes_it_up(site: Path, tmp_path: Path):
    with open_site(site) as opened:
        opened.stages  # noqa: B018 - loads the rules, as a worker does at its start
        before = len(opened.rules)
        take_in(site, folder(tmp_path, FIRST))
        opened._looked = -100.0
        assert opened.refresh()
        assert len(opened.rules) == before + 3


def test_the_command(site: Path, tmp_path: Path):
    source = folder(tmp_path, FIRST)
    answer = CliRunner().invoke(rules, ["import", str(source), "--site", str(site), "--json"])
    assert answer.exit_code == 0, answer.output
    assert len(json.loads(answer.output)["new"]) == 3
    text = CliRunner().invoke(rules, ["import", str(folder(tmp_path, SECOND, "next")), "--site", str(site)]).output
    assert "なくなったルール: 1 件" in text
    assert "level, detection" in text
    with_more = folder(tmp_path, beside(2, "x", "a"), "more")
    text = CliRunner().invoke(rules, ["import", str(with_more), "--dry-run", "--site", str(site)]).output
    assert re.search(r"high\s+相関\s+Many", text)
    assert re.search(r"例外\s+Job", text)
    assert "戻しました" in CliRunner().invoke(rules, ["import", "--undo", "--site", str(site)]).output
    assert isinstance(CliRunner().invoke(rules, ["import", "--site", str(site)]).exception, UsageError)
