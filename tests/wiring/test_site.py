"""A site folder opened by the program: what it makes, what it refuses, and how it takes up changed files."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from secops.errors import ConflictError, InventoryError, UsageError
from secops.wiring import create_site, open_site
from secops.wiring.locks import held, is_held
from secops.wiring.site import Site

RULE = (
    "title: {title}\nid: 3b1f3d2e-8f0b-4f7c-9a53-111111111111\nstatus: test\n"
    "logsource: {{product: windows}}\ndetection: {{a: {{EventID: 1}}, condition: a}}\nlevel: low\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_site(tmp_path / "ward", site_id="ward")
    return tmp_path / "ward"


def look_again(site: Site) -> bool:
    site._looked = 0.0
    return site.refresh()


def titles(site: Site) -> list[str]:
    return [rule.title for rule in site.rules if rule.path.endswith("own.yml")]


def test_a_new_site_is_owner_only_and_has_all_its_parts(folder: Path):
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "keys" / "journal.key").stat().st_mode) == 0o400
    assert {path.name for path in folder.iterdir()} >= {"secops.toml", "journal", "lake", "records.db", "keys"}


def test_a_second_site_in_the_same_folder_is_refused(folder: Path):
    with pytest.raises(ConflictError):
        create_site(folder, site_id="ward")


def test_a_bad_id_is_refused_before_anything_is_made(tmp_path: Path):
    with pytest.raises(UsageError):
        create_site(tmp_path / "x", site_id="ward 1")
    assert not (tmp_path / "x").exists()


def test_an_interrupted_making_can_be_repeated(folder: Path):
    key = (folder / "keys" / "journal.key").read_bytes()
    (folder / "secops.toml").unlink()
    create_site(folder, site_id="ward")
    assert (folder / "keys" / "journal.key").read_bytes() == key


def test_changed_rules_are_taken_up(folder: Path):
    with open_site(folder) as site:
        assert site.stages.detector.rules
        assert not look_again(site)
        (folder / "rules" / "own.yml").write_text(RULE.format(title="One"), encoding="utf-8")
        assert look_again(site)
        assert titles(site) == ["One"]
        assert not look_again(site)


def test_a_broken_inventory_leaves_the_old_one_in_force(folder: Path):
    with open_site(folder) as site:
        loaded = site.stages
        (folder / "inventory" / "departments.csv").write_text("nonsense\n1\n", encoding="utf-8")
        with pytest.raises(InventoryError):
            look_again(site)
        assert site.stages is loaded
        assert not look_again(site), "said once, not every few seconds"


def test_a_part_is_held_by_one_process_at_a_time(folder: Path):
    with held(folder, "worker-0"):
        assert is_held(folder, "worker-0")
        with pytest.raises(ConflictError), held(folder, "worker-0"):
            pass
    assert not is_held(folder, "worker-0")
