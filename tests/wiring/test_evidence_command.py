"""`secops audit evidence` over a real site: logs come in, sheets are made, shown, compared and written out."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from openpyxl import load_workbook

from secops.cli import secops
from secops.demo.writers import skysea
from secops.errors import UsageError
from secops.org.files import inventory_changes, inventory_known_at, read_inventory_at, write_inventory
from secops.schema.dates import parse_moment
from secops.wiring import create_site

DEPARTMENTS = "所属コード,所属名,区分,上位コード\r\n211,区民課,課,\r\n212,税務課,課,\r\n"
DEVICES = (
    "機器名,系統,IPアドレス,所属コード,種別\r\nL-1001,lgwan,10.2.0.1,211,端末\r\nL-1002,lgwan,10.2.0.2,211,端末\r\n"
)
STAFF = "職員番号,氏名,所属コード,アカウント\r\n1,鈴木,211,=cmd\r\n"
ZONES = '[zones.lgwan]\nlabel = "LGWAN接続系"\nnetworks = ["10.2.0.0/16"]\n'


def run(site: Path, *words: str) -> Result:
    return CliRunner().invoke(secops, ["audit", "evidence", *words, "--site", str(site)])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ward = tmp_path_factory.mktemp("evidence") / "ward"
    create_site(ward, site_id="ward", settings=f'[site]\nid = "ward"\nname = "区"\nmodel = "alpha"\n\n{ZONES}')
    write_inventory(ward, {"departments": DEPARTMENTS, "devices": DEVICES, "staff": STAFF}, datetime.now(UTC))
    now = datetime.now(UTC)
    rows = [skysea.header()] + [
        skysea.row(now - timedelta(hours=hours), "L-1001", "10.2.0.1", "=cmd", "デバイス", "USBデバイス接続",
                   device="USB", serial=f"S{hours}") for hours in (30, 2, 1)
    ]  # fmt: skip
    log = ward.parent / "ops.csv"
    log.write_bytes(b"\r\n".join(rows) + b"\r\n")
    arguments = ["ingest", str(log), "--zone", "lgwan", "--format", "skysea_csv", "--site", str(ward)]
    done = CliRunner().invoke(secops, arguments)
    assert done.exit_code == 0, done.output
    return ward


def test_the_list_says_which_sources_the_site_has(site):
    done = run(site, "list", "--json")
    assert done.exit_code == 0, done.output
    read = json.loads(done.stdout)
    assert read["sources"]["operation_log"]["there"]
    assert not read["sources"]["windows_security"]["there"]
    usb = next(one for one in read["queries"] if one["name"] == "usb_use")
    assert usb["sources"]["media_register"] is False
    assert "a4.4-02" in usb["items"]
    table = run(site, "list").stdout
    assert "確認テストの仕組みがまだありません" in table


def test_sheets_of_an_item_from_making_to_the_file(site, tmp_path):
    done = run(site, "make", "--department", "区民課", "--item", "a4.4-02", "--since", "3d", "--json")
    assert done.exit_code == 0, done.output
    (sheet,) = json.loads(done.stdout)["sheets"]
    assert sheet["figures"]["接続の回数(LGWAN接続系)"] == 3
    assert sheet["figures"]["接続された媒体(製造番号)"] == 3
    assert sheet["figures"]["許可のない使用"] is None
    number = str(sheet["number"])
    shown = json.loads(run(site, "show", number, "--json").stdout)
    assert (shown["sha256"], shown["round"], shown["whole"]) == (sheet["sha256"], "", True)
    text = run(site, "show", number).stdout
    assert "記録なし" in text
    assert sheet["sha256"] in text
    listed = json.loads(run(site, "sheets", "--department", "211", "--item", "a4.4-02", "--json").stdout)
    assert [one["number"] for one in listed["sheets"]] == [sheet["number"]]
    good = run(site, "verify", number)
    assert (good.exit_code, "票と同じ" in good.stdout) == (0, True)
    book = tmp_path / "sheet.xlsx"
    assert run(site, "export", number, "-o", str(book)).exit_code == 0
    pages = load_workbook(book)
    cells = [cell for page in pages for row in page.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"], "a formula out of a log"
    assert "=cmd" in {cell.value for cell in cells}
    html = tmp_path / "sheet.html"
    assert run(site, "export", number, "-o", str(html)).exit_code == 0
    assert sheet["sha256"] in html.read_text(encoding="utf-8")
    for path in (html, tmp_path / "sheet.pdf"):
        assert isinstance(run(site, "export", number, "-o", str(path)).exception, UsageError)


def test_later_logs_are_told_as_differences(site):
    done = run(site, "make", "--department", "211", "--query", "usb_use", "--since", "3d", "--json")
    (sheet,) = json.loads(done.stdout)["sheets"]
    at = parse_moment("4h", datetime.now(UTC))
    log = site.parent / "late.csv"
    row = skysea.row(at, "L-1002", "10.2.0.2", "x", "デバイス", "USBデバイス接続", device="USB", serial="T")
    log.write_bytes(skysea.header() + b"\r\n" + row + b"\r\n")
    arguments = ["ingest", str(log), "--zone", "lgwan", "--format", "skysea_csv", "--site", str(site)]
    assert CliRunner().invoke(secops, arguments).exit_code == 0
    verified = run(site, "verify", str(sheet["number"]), "--json")
    assert verified.exit_code == 1
    differs = {one["title"]: (one["before"], one["now"]) for one in json.loads(verified.stdout)["differences"]}
    assert differs["接続した端末"] == (1, 2)


def test_all_queries_at_once_and_wrong_usage(site):
    done = run(site, "make", "--department", "211", "--since", "3d")
    assert done.exit_code == 0, done.output
    assert len(list(csv.reader(io.StringIO(done.stdout), delimiter="\t"))) > 40
    for words in (
        ["make", "--department", "999"],
        ["make", "--department", "211", "--item", "a9.9-99"],
        ["make", "--department", "211", "--item", "a6.1-08"],
        ["make", "--department", "211", "--query", "nothing"],
        ["make", "--department", "211", "--query", "usb_use", "--round", "2020-9"],
        ["make", "--department", "211", "--since", "yesterday"],
        ["make", "--department", "211", "--since", "1d", "--until", "2d"],
        ["show", "9999"],
    ):
        failed = run(site, *words)
        assert failed.exception is not None, words
        assert failed.exit_code != 0


def test_audit_check_finds_unknown_queries_and_mistakes_of_the_queries(site, tmp_path):
    own = tmp_path / "site" / "audits"
    own.mkdir(parents=True)
    (own / "telemetry.yml").write_text(
        "sources:\n  - {name: a, title: A, query: 'a:'}\nqueries: []\n", encoding="utf-8"
    )
    done = CliRunner().invoke(secops, ["audit", "check", "--site", str(own.parent), "--json"])
    assert done.exit_code == 1
    places = [one["where"] for one in json.loads(done.stdout)["problems"]]
    assert any("telemetry.yml:2" in place for place in places)


def test_the_inventory_as_it_was(tmp_path):
    ward = tmp_path / "ward"
    create_site(ward, site_id="ward")
    first, second = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    for name, at in (("A", first), ("B", second), ("C", datetime(2026, 10, 1, tzinfo=UTC))):
        write_inventory(ward, {"departments": f"所属コード,所属名\r\n1,{name}課\r\n"}, at)
    assert len(inventory_changes(ward, "departments")) == 2

    def was(moment: datetime) -> str:
        return read_inventory_at(ward, moment)["departments"].split(",")[-1].strip()

    assert [was(datetime(2026, month, 2, tzinfo=UTC)) for month in (3, 6, 8, 11)] == ["A課", "A課", "B課", "C課"]
    assert inventory_known_at(ward, "departments", second)
    assert not inventory_known_at(ward, "staff", second)
