"""The commands over inventory, zones and the demo ward, the way an operator types them."""

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from secops.cli import secops
from secops.demo.build import build_demo, settings_text
from secops.errors import InventoryError, SecopsError, UsageError
from secops.settings import load


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ward")
    (folder / "secops.toml").write_text(settings_text(), encoding="utf-8")
    build_demo(folder, load(folder), 7, datetime(2026, 11, 24, 2, 0, tzinfo=UTC), days=1)
    return folder


def run(site, *words, code=0):
    found = CliRunner().invoke(secops, [*words, "--site", str(site)])
    if isinstance(found.exception, SecopsError):
        raise found.exception
    assert found.exit_code == code, found.output
    return found.output


def test_inventory_list(site):
    counts = json.loads(run(site, "inventory", "list", "--json"))
    assert counts["staff"] == 120
    assert "K-0201\tmynumber\t10.10.1.11" in run(site, "inventory", "list", "devices")


def test_inventory_import_keeps_the_version_before_and_diff_shows_the_change(site, tmp_path):
    before = (site / "inventory/flows.csv").read_text(encoding="utf-8-sig")
    new = (
        before.replace("tcp/445", "tcp/446")
        + "T-009,試験,特定通信,10.10.0.21,10.20.0.12,tcp/443,121,試験,2027-03-31\r\n"
    )
    path = tmp_path / "許可通信.csv"
    path.write_bytes(new.encode("cp932"))
    (found,) = json.loads(run(site, "inventory", "diff", str(path), "--json"))
    assert found["added"] == ["T-009"]
    assert found["changed"][0]["columns"] == {"ポート": ["tcp/445", "tcp/446"]}
    assert "T-009" in run(site, "inventory", "diff", str(path))
    assert "7 件" in run(site, "inventory", "import", str(path))
    assert "T-009" in run(site, "inventory", "list", "flows")
    assert len(list((site / "inventory/history").glob("flows-*.csv"))) == 1


def test_a_wrong_file_changes_nothing(site, tmp_path):
    path = tmp_path / "devices.csv"
    path.write_text("機器名,系統,IPアドレス\nX-1,mynumber,10.20.0.1\nX-2,moon,\n", encoding="utf-8")
    before = (site / "inventory/devices.csv").read_bytes()
    with pytest.raises(InventoryError) as caught:
        run(site, "inventory", "import", str(path))
    assert len(caught.value.problems) == 2
    assert (site / "inventory/devices.csv").read_bytes() == before
    with pytest.raises(UsageError):
        run(site, "inventory", "diff", str(path), str(path))


def test_zones_show(site):
    found = json.loads(run(site, "zones", "show", "--json"))
    assert found["model"] == "alpha"
    assert {zone["id"] for zone in found["zones"]} >= {"mynumber", "lgwan", "internet"}
    assert "αモデル" in run(site, "zones", "show")


def test_zones_check_says_verdict_and_why(site):
    output = run(site, "zones", "check", "10.10.1.11", "203.0.113.9", "443/tcp", code=1)
    assert "認められない通信" in output
    output = run(site, "zones", "check", "10.20.1.11", "10.30.0.20", "8443/tcp")
    assert "S-001" in output
    found = json.loads(run(site, "zones", "check", "10.10.0.21", "10.20.0.31", "443", "--json"))
    assert found["found"]["verdict"] == "registered"
    with pytest.raises(UsageError):
        run(site, "zones", "check", "10.10.1", "203.0.113.9")
    with pytest.raises(UsageError):
        run(site, "zones", "check", "10.10.1.1", "203.0.113.9", "99999/tcp")
