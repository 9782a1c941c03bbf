"""What is published: a table with its meaning, nothing small, nothing of a department."""

from __future__ import annotations

import csv
import io
import json

from secops.isms.audit.opendata import publish
from secops.isms.audit.paper_style import OpenData
from secops.isms.audit.round import FindingKind
from tests.isms.audit import books


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def values(data: bytes) -> dict[str, dict[str, str]]:
    return {row["指標"]: row for row in rows(data)}


def test_small_counts_are_withheld_with_their_sum():
    made = publish(books.ledger().book, OpenData(least_count=3), books.DAY)
    found = values(made.files()["audit-summary-2026.csv"])
    assert found["重大な不適合"]["値"] == ""
    assert found["重大な不適合"]["注記"] == "秘匿"
    assert found["指摘事項等の合計"]["値"] == ""
    assert any("重大な不適合" in one.what and "3件未満" in one.why for one in made.withheld)


def test_zero_is_no_small_count():
    kinds = [one for one in books.findings() if one.kind is FindingKind.MINOR] * 2
    made = publish(books.ledger(findings=tuple(kinds)).book, OpenData(least_count=3), books.DAY)
    found = values(made.files()["audit-summary-2026.csv"])
    assert found["重大な不適合"]["値"] == "0"
    assert found["軽微な不適合"]["値"] == "4"
    assert found["指摘事項等の合計"]["値"] == "4"


def test_nothing_of_a_department_or_system_is_in_any_file():
    book = books.ledger().book
    for data in publish(book, OpenData(), books.DAY).files().values():
        text = data.decode("utf-8-sig")
        for name in (*books.DEPARTMENTS, *(books.NAMES[code] for code in books.DEPARTMENTS), *books.SYSTEMS.values()):
            assert name not in text


def test_the_catalogue_describes_every_column_licence_and_what_is_withheld():
    made = publish(books.ledger().book, OpenData(publisher="〇〇区", contact="区民情報課"), books.DAY)
    files = made.files()
    catalogue = json.loads(files["catalogue.json"])
    assert catalogue["licence"] == "CC BY 4.0"
    assert catalogue["period"] == {"from": "2026-04-01", "to": "2027-03-31"}
    assert len(catalogue["withheld"]) == len(made.withheld) > 5
    for one in catalogue["files"]:
        head = next(csv.reader(io.StringIO(files[one["name"]].decode("utf-8-sig"))))
        assert head == [column["name"] for column in one["columns"]]
        assert all(column["meaning"] for column in one["columns"])
    flat = dict(csv.reader(io.StringIO(files["catalogue.csv"].decode("utf-8-sig"))))
    assert flat["licence"] == "CC BY 4.0"


def test_the_mark_of_byte_order_is_a_setting():
    book = books.ledger().book
    assert publish(book, OpenData(bom=True), books.DAY).files()["withheld.csv"].startswith(b"\xef\xbb\xbf")
    assert not publish(book, OpenData(bom=False), books.DAY).files()["withheld.csv"].startswith(b"\xef\xbb\xbf")


def test_years_stand_beside_each_other():
    found = rows(publish(books.ledger().book, OpenData(), books.DAY).files()["audit-years.csv"])
    assert [row["年度"] for row in found] == ["2024", "2025", "2026"]
    assert found[-1]["達成率"] == "86.7"
