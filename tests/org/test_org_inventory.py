from datetime import date

import pytest

from secops.errors import InventoryError
from secops.org.inventory import decode, difference, load_directory, parse, recognise
from secops.settings import parse as parse_settings

SETTINGS = parse_settings(
    """
[site]
id = "hon"
name = "試験区"
[zones.mynumber]
label = "マイナンバー利用事務系"
networks = ["10.1.0.0/16"]
[zones.lgwan]
label = "LGWAN接続系"
networks = ["10.2.0.0/16"]
[zones.internet]
label = "インターネット接続系"
networks = ["10.3.0.0/16", "10.2.99.0/24"]
""",
    "secops.toml",
)
TODAY = date(2026, 11, 24)
FILES = {
    "departments": "所属コード,所属名,区分,上位コード\n100,区民部,部,\n１１０,区民課,課,100\n",
    "staff": "職員番号,氏名,所属,アカウント\n000123,佐藤 花子,110;100,mynumber:sato;lgwan:h-sato\n",
    "devices": "機器名,系統,IPアドレス,MACアドレス,所属コード,使用者,種別,重要度\n"
    "K-0213,mynumber,１０.1.2.13,001a2b3c4d5e,110,000123,端末,高\n",
    "systems": "システムコード,システム名,主管課コード,系統,機器名,機密性\nJK,住民記録,110,mynumber,K-0213,3A\n",
    "flows": "通信番号,種別,接続元,接続先,ポート,主管課コード,理由,有効期限\n"
    "T-001,特定通信,10.1.2.13,10.2.5.1,tcp/443;tcp/8000-8010,110,照会,令和9年3月31日\n",
}


def test_a_ward_s_files_make_one_directory():
    directory = load_directory(FILES, SETTINGS, TODAY)
    device = directory.device_by_ip["10.1.2.13"]
    assert (device.name, device.mac, device.importance) == ("K-0213", "00-1A-2B-3C-4D-5E", "high")
    assert directory.department_name(device.department) == "区民課"
    assert directory.owner_name(device.owner) == "佐藤 花子"
    assert directory.people_by_account["h-sato"] == directory.staff
    assert directory.flows[0].expires == date(2027, 3, 31)
    assert [str(one) for one in directory.flows[0].services] == ["tcp/443", "tcp/8000-8010"]
    assert directory.systems[0].classification == "c3a"
    assert directory.warnings == ()


def test_english_headings_and_excel_encodings_are_read():
    text = "name,zone,ip,department\nK-1,mynumber,10.1.0.1,110\n"
    assert decode(text.encode("utf-8-sig"), "x.csv") == text
    assert decode(FILES["devices"].encode("cp932"), "x.csv") == FILES["devices"]
    assert decode(text.encode("utf-16"), "x.csv") == text
    assert recognise(text, "export.csv") == "devices"
    assert parse(text, "export.csv", "devices").rows[0].ips == ("10.1.0.1",)
    with pytest.raises(InventoryError, match="文字コード"):
        decode(b"\x81\x00\xe3", "x.csv")


def test_every_mistake_of_a_file_is_told_with_row_and_column():
    text = (
        "機器名,系統,IPアドレス,MACアドレス,種別\n"
        "K-1,mynumber,10.1.0.999,zz,端末\n"
        "\n"
        ",mynumber,10.1.0.2,,冷蔵庫\n"
        "K-3,mynumber,10.1.0.3,,\n"
        "k-3,mynumber,10.1.0.4,,\n"
    )
    with pytest.raises(InventoryError) as caught:
        parse(text, "devices.csv", "devices")
    assert [problem.where for problem in caught.value.problems] == [
        "devices.csv:2 IPアドレス",
        "devices.csv:2 MACアドレス",
        "devices.csv:4 機器名",
        "devices.csv:4 種別",
        "devices.csv:6 機器名",
    ]
    assert "10.1.0.999" in caught.value.problems[0].what
    assert "端末・サーバ・複合機" in caught.value.problems[3].what


def test_a_doubled_key_is_told_beside_other_mistakes_of_its_row():
    with pytest.raises(InventoryError) as raised:
        parse("機器名,系統,IP\nPC-1,lgwan,10.2.0.1\nPC-1,lgwan,10.2.0.300\n", "devices.csv", "devices")
    assert [problem.where for problem in raised.value.problems] == ["devices.csv:3 IPアドレス", "devices.csv:3 機器名"]


def test_missing_and_doubled_columns_are_told():
    with pytest.raises(InventoryError, match="系統"):
        parse("機器名,IPアドレス\nK-1,10.1.0.1\n", "devices.csv", "devices")
    with pytest.raises(InventoryError, match="2 つ"):
        parse("機器名,端末名,系統\nK-1,K-1,mynumber\n", "devices.csv", "devices")
    with pytest.raises(InventoryError, match="--kind"):
        recognise("あ,い\n1,2\n", "x.csv")


def test_checks_between_files():
    files = FILES | {
        "departments": "所属コード,所属名,上位コード\n110,区民課,120\n120,税務課,110\n",
        "devices": "機器名,系統,IPアドレス,所属コード\n"
        "K-1,mynumber,10.1.0.1,110\nK-2,mynumber,10.1.0.1,999\nK-3,lgwan,10.2.99.5,110\nK-4,kyoiku,10.1.0.4,110\n",
        "staff": "職員番号,氏名,所属,アカウント\n1,佐藤,999,tokyo:sato\n",
    }
    with pytest.raises(InventoryError) as caught:
        load_directory(files, SETTINGS, TODAY)
    assert sorted(problem.where for problem in caught.value.problems) == [
        "departments.csv:2 上位コード",
        "departments.csv:3 上位コード",
        "devices.csv:3 IPアドレス",
        "devices.csv:3 所属コード",
        "devices.csv:4 IPアドレス",
        "devices.csv:5 系統",
        "staff.csv:2 アカウント",
        "staff.csv:2 所属コード",
    ]


def test_an_expired_flow_and_a_wide_route_are_warnings():
    text = (
        "通信番号,種別,接続元,接続先,ポート,主管課コード,理由,有効期限\n"
        "T-1,特定通信,mynumber,10.2.5.1,tcp/443,110,照会,2026-11-23\n"
        "T-2,画面転送,lgwan,nowhere,tcp/443,110,照会,\n"
    )
    with pytest.raises(InventoryError, match="nowhere"):
        load_directory(FILES | {"flows": text}, SETTINGS, TODAY)
    directory = load_directory(FILES | {"flows": text.replace("nowhere", "internet")}, SETTINGS, TODAY)
    assert [problem.where for problem in directory.warnings] == ["flows.csv:2 接続元・接続先", "flows.csv:2 有効期限"]


def test_difference_names_columns_old_and_new():
    old = parse("機器名,系統,IPアドレス\nK-1,mynumber,10.1.0.1\nK-2,mynumber,10.1.0.2\nK-9,mynumber,\n", "a", "devices")
    new = parse("機器名,系統,IPアドレス\nK-1,mynumber,10.1.0.7\nK-3,mynumber,10.1.0.3\nK-9,mynumber,\n", "b", "devices")
    found = difference("devices", old.rows, new.rows)
    assert (found.added, found.removed, found.unchanged) == (("K-3",), ("K-2",), 1)
    assert found.changed[0].key == "K-1"
    assert found.changed[0].columns == {"IPアドレス": ("10.1.0.1", "10.1.0.7")}
