"""A ward's own audit items from its Excel."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner

from secops.cli import secops
from secops.errors import AuditError
from secops.isms.audit.catalogue import read_catalogue
from secops.isms.audit.findings_import import Row
from secops.isms.audit.items_import import catalogue_files
from secops.isms.audit.model import Answerer, Method

HEAD = "No.,点検項目,条項,必須,回答者,着眼点,閲覧,確認資料,重み"


def rows(*lines: str) -> list[Row]:
    return [Row(f"a.csv:{number}", line.split(",")) for number, line in enumerate(lines, 1)]


def test_a_row_becomes_an_item_and_what_it_does_not_say_is_marked():
    whole = (
        "5.1-3,離席時に画面をロックしているか。,mic-2025-03-5.1,○,職員,離席の多い窓口,設定を見る,設定画面の写し、掲示,2"
    )
    short = "6-1,ログを見ているか。,mic-2025-03-6.1-6"
    files = catalogue_files(rows("自己点検の項目", HEAD, whole, short), "a.csv")
    assert list(files) == ["01-5.yml", "02-6.yml"]
    first, second = read_catalogue(files.items()).items
    assert (first.id, first.chapter, first.answers, first.weight) == ("w5.1-3", "5", Answerer.STAFF, 2)
    assert (first.mandatory, first.confirm) == (True, False)
    assert first.evidence == ("設定画面の写し", "掲示")
    assert first.check == {Method.EXAMINE: "設定を見る"}
    assert (second.id, second.confirm, second.mandatory) == ("w6-1", True, False)


def test_every_wrong_cell_is_named():
    table = rows(
        HEAD,
        "1,a,6.1,,,,,,",
        "1,b,mic-2025-03-1,たぶん,課長代理,,,,9",
        ",c,,,,,,,",
    )
    with pytest.raises(AuditError) as told:
        catalogue_files(table, "a.csv")
    assert [problem.where for problem in told.value.problems] == [
        "a.csv:2 条項",
        "a.csv:3 番号",
        "a.csv:3 必須",
        "a.csv:3 重み",
        "a.csv:3 回答者",
        "a.csv:4 番号",
        "a.csv:4 条項",
    ]
    with pytest.raises(AuditError, match="見出し"):
        catalogue_files(rows("x,y"), "a.csv")
    with pytest.raises(AuditError, match="監査項目がありません"):
        catalogue_files(rows(HEAD), "a.csv")


def test_from_excel_into_a_site_and_never_over_what_is_there(tmp_path: Path):
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["番号", "監査項目", "条項", "必須"])
    sheet.append(["１－１", "CISO を定めているか。", "mic-2025-03-1", "必須"])
    book.save(tmp_path / "items.xlsx")
    argv = ["audit", "import", str(tmp_path / "items.xlsx"), "-o", str(tmp_path / "site" / "audits" / "catalogue")]
    done = CliRunner().invoke(secops, argv)
    assert done.exit_code == 0, done.output
    assert "1 件" in done.output
    listed = CliRunner().invoke(secops, ["audit", "items", "--site", str(tmp_path / "site")])
    assert "w1-1" in listed.output
    again = CliRunner().invoke(secops, argv)
    assert again.exit_code == 1
    assert CliRunner().invoke(secops, [*argv, "--force"]).exit_code == 0
