"""Pipelines and placeholders of a site, and of a hunt without one."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from secops.cli.hunt import hunt
from secops.cli.rules import rules as command
from secops.errors import NotFoundError, RuleError, SettingsError
from secops.wiring import create_site, open_site
from secops.wiring.site import Site

RULE = """title: Own
id: 11111111-1111-4111-8111-111111111111
level: high
logsource: {product: secops, category: any}
detection:
  selection:
    UserField|expand: '%admins%'
  condition: selection
"""
PIPELINE = """name: own
priority: 10
transformations:
  - type: field_name_mapping
    mapping: {UserField: user.name}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_site(tmp_path / "ward", site_id="ward")
    ward = tmp_path / "ward"
    (ward / "rules" / "own.yml").write_text(RULE, encoding="utf-8")
    (ward / "map.yml").write_text(PIPELINE, encoding="utf-8")
    settings = ward / "secops.toml"
    text = settings.read_text(encoding="utf-8").replace("pipelines = []", 'pipelines = ["map.yml"]')
    settings.write_text(
        text.replace("[rules.placeholders]", '[rules.placeholders]\nadmins = ["taro"] #'), encoding="utf-8"
    )
    return ward


def look_again(site: Site) -> bool:
    site._looked = 0.0
    return site.refresh()


def fires_for(site: Site) -> list[str]:
    names = ["taro", "hanako"]
    number = next(index for index, rule in enumerate(site.rules) if rule.title == "Own")
    table = pl.DataFrame({"event.kind": ["event"] * 2, "user.name": names})
    return [names[row] for match in site.detector.match(table) if match.rule == number for row in match.rows]


def test_a_site_has_its_pipelines_and_placeholders(folder: Path):
    with open_site(folder) as site:
        _loaded = site.stages
        assert fires_for(site) == ["taro"]
        (folder / "map.yml").write_text(PIPELINE.replace("user.name", "host.name"), encoding="utf-8")
        assert look_again(site)
        assert fires_for(site) == [], "a changed pipeline is taken up"
        (folder / "map.yml").write_text(PIPELINE.replace("field_name_mapping", "http_placeholders"), encoding="utf-8")
        before = site.detector
        with pytest.raises(RuleError, match=r"map\.yml:4"):
            look_again(site)
        assert site.detector is before, "what cannot be used leaves the old in force"


def test_placeholders_of_the_rule_folder(folder: Path):
    settings = folder / "secops.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace('admins = ["taro"]', ""), encoding="utf-8")
    with open_site(folder) as site:
        _loaded = site.stages
        [own] = [rule for rule in site.rules if rule.title == "Own"]
        assert "%admins%" in own.reason
        (folder / "rules" / "placeholders.yml").write_text("admins: [hanako]\n", encoding="utf-8")
        assert look_again(site)
        assert fires_for(site) == ["hanako"]


def test_a_pipeline_that_is_not_there_and_a_placeholder_without_values_are_mistakes(folder: Path):
    (folder / "map.yml").unlink()
    with open_site(folder) as site, pytest.raises(NotFoundError, match=r"map\.yml"):
        _loaded = site.detector
    settings = folder / "secops.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace('["taro"]', "[]"), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"rules\.placeholders"):
        open_site(folder)


def test_the_commands_take_pipelines(folder: Path, tmp_path: Path):
    own = str(folder / "rules" / "own.yml")
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    bare = CliRunner().invoke(command, ["check", own], env=env)
    assert "%admins%" in bare.output
    assert bare.exit_code == 1
    assert CliRunner().invoke(command, ["check", own, "--site", str(folder)], env=env).exit_code == 0
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "own.yml").write_text(RULE, encoding="utf-8")
    (rules / "placeholders.yml").write_text("admins: [taro]\n", encoding="utf-8")
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps({"user.name": name}) + "\n" for name in ("taro", "hanako")), encoding="utf-8")
    arguments = [str(log), "-r", str(rules), "--json"]
    mapped = CliRunner().invoke(hunt, [*arguments, "--pipeline", str(folder / "map.yml")], env=env)
    assert mapped.exit_code == 0, mapped.output
    assert json.loads(mapped.stdout)["hits"] == 1
    unmapped = CliRunner().invoke(hunt, arguments, env=env)
    assert json.loads(unmapped.stdout)["hits"] == 0
    missing = CliRunner().invoke(hunt, [*arguments, "--pipeline", "nowhere.yml"], env=env)
    assert "nowhere.yml" in str(missing.exception)
