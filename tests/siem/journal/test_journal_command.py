"""``secops journal`` on a site: what people and scripts see, and the exit codes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from secops.cli import answer, secops
from secops.errors import JournalError, NotFoundError, UsageError
from secops.siem.journal import Journal
from secops.siem.journal.layout import sealed_path
from secops.siem.ports import NewBatch, Origin
from secops.wiring import create_site

RECEIVED = datetime(2026, 11, 22, 17, 4, 11, tzinfo=UTC)
CSV = Origin(kind="file", format="skysea", encoding="cp932", path="/logs/操作.csv", offset=0)
HOSTILE = Origin(kind="syslog", format="syslog", peer="10.0.0.1:514/udp", note="truncated")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "sumida"
    create_site(folder, site_id="sumida")
    with Journal(folder / "journal", folder / "keys") as journal:
        journal.append([NewBatch("skysea", RECEIVED, CSV, ["一行目".encode("cp932"), b"\x81"])])
        journal.rotate(RECEIVED)
        journal.seal_closed(RECEIVED)
        journal.append([NewBatch("fw01", RECEIVED, HOSTILE, [b"\x1b[2Jgone\r", "\u202etxt.exe".encode()])])
    return folder


def run(site: Path, *arguments: str):
    return CliRunner().invoke(secops, ["journal", *arguments, "--site", str(site)])


def test_list_shows_the_segments(site):
    result = run(site, "list")
    assert result.exit_code == 0
    header, first, second = result.output.splitlines()
    assert header.split("\t")[:2] == ["区間", "状態"]
    assert first.split("\t")[:5] == ["1", "封印済み", "2026年11月23日(月) 02:04:11", "2026年11月23日(月) 02:04:11", "2"]
    assert second.split("\t")[1] == "書き込み中"
    listed = json.loads(run(site, "list", "--json").output)
    assert [(one["number"], one["state"], one["sources"]) for one in listed] == [
        (1, "sealed", {"skysea": [1, 2]}),
        (2, "open", {"fw01": [1, 2]}),
    ]


def test_show_decodes_as_the_source_is_encoded(site):
    result = run(site, "show", "sumida.skysea.1")
    assert result.exit_code == 0
    about, text = result.output.splitlines()
    assert text == "一行目"
    assert "skysea 1" in about
    assert "/logs/操作.csv" in about
    assert "11月23日(月) 02:04:11" in about


def test_show_goes_on_over_segments_and_makes_bad_bytes_visible(site):
    assert run(site, "show", "skysea", "1", "-n", "9").output.splitlines()[1::2] == ["一行目", "\\x81"]
    (one,) = json.loads(run(site, "show", "skysea", "2", "--json").output)
    assert (one["seq"], one["text"], one["received"]) == (2, "\\x81", "2026-11-22T17:04:11Z")
    assert one["origin"]["encoding"] == "cp932"


def test_show_does_not_let_a_record_drive_the_terminal(site):
    output = run(site, "show", "fw01", "1", "-n", "2").output
    assert "\\u001b[2Jgone\\u000d" in output
    assert "\\u202etxt.exe" in output
    assert not {"\x1b", "\r", "\u202e"} & set(output)
    assert "truncated" in output


def test_show_raw_writes_the_bytes(site):
    result = run(site, "show", "skysea", "1", "--raw")
    assert result.stdout_bytes == "一行目".encode("cp932")


@pytest.mark.parametrize("event", ["nonsense", "sumida.skysea.x", "sumida.skysea.1.2"])
def test_show_says_what_an_event_id_is(site, event):
    result = run(site, "show", event)
    assert isinstance(result.exception, UsageError)
    assert "サイト.収集元.番号" in str(result.exception)


def test_show_says_what_is_not_here(site):
    assert "「minato」のイベント" in str(run(site, "show", "minato.skysea.1").exception)
    for arguments in (["sumida.skysea.3"], ["nobody", "1"]):
        assert isinstance(run(site, "show", *arguments).exception, NotFoundError)


def test_verify_of_a_whole_journal(site):
    result = run(site, "verify")
    assert result.exit_code == 0
    assert "2 区間・4 件を検証しました。改ざん・欠落はありません。" in result.output
    answer = json.loads(run(site, "verify", "--json").output)
    assert answer["ok"] is True
    assert answer["report"]["findings"] == []


def test_verify_of_a_changed_journal_says_where_and_exits_1(site):
    path = sealed_path(site / "journal", 1)
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.chmod(0o600)
    path.write_bytes(whole)
    result = run(site, "verify")
    assert result.exit_code == 1
    assert "異常: 区間 1 [block] 00000001.sealed skysea 1-2: 保存された内容が書き換えられている" in result.output
    result = run(site, "verify", "--json")
    assert result.exit_code == 1
    (finding,) = json.loads(result.output)["report"]["findings"]
    assert (finding["segment"], finding["code"], finding["first_seq"], finding["last_seq"]) == (1, "block", 1, 2)


def test_verify_shows_what_retention_removed(site):
    with Journal(site / "journal", site / "keys") as journal:
        later = RECEIVED + timedelta(days=400)
        journal.retain(later, {"skysea": 2}, now=later, by="keeper", reason="400d")
    result = run(site, "verify")
    assert result.exit_code == 0
    assert "保存期間による削除: 区間 1(2 件" in result.output


def test_verify_compares_with_what_was_noted_outside(site):
    with Journal(site / "journal") as journal:
        head = journal.chain_head()
    assert head is not None
    assert f"{head.segment}:{head.digest}" in run(site, "verify").output
    assert run(site, "verify", "--anchor", f"{head.segment}:{head.digest}").exit_code == 0
    assert run(site, "verify", "--anchor", f"1:{'0' * 64}").exit_code == 1
    assert isinstance(run(site, "verify", "--anchor", "1:xyz").exception, UsageError)


def test_verify_without_its_key_says_so(site):
    (site / "keys" / "journal.pub").unlink()
    assert isinstance(run(site, "verify").exception, JournalError)


def test_the_program_prints_english_where_it_is_asked_to(site, monkeypatch, capsys):
    monkeypatch.setenv("SECOPS_LANG", "en")
    monkeypatch.setattr("sys.argv", ["secops", "journal", "verify", "--site", str(site)])
    with pytest.raises(SystemExit) as done:
        answer()
    assert done.value.code == 0
    assert "Nothing was changed, nothing is missing." in capsys.readouterr().out
