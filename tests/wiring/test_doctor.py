"""`secops doctor`: each check finds what it is for, and is silent on a machine and a site that are well."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from secops.cli import secops
from secops.settings import StoreSettings, load
from secops.siem.ports import NewBatch, Origin
from secops.wiring import create_site, open_site
from secops.wiring.doctor import MACHINE, SITE, State, examine, machine, site
from secops.wiring.doctor.model import Patient
from secops.wiring.doctor.paging import paging
from secops.wiring.locks import held

NOW = datetime.now(UTC)
ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("doctor") / "ward"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    create_site(folder, site_id="ward")
    text = (folder / "secops.toml").read_text(encoding="utf-8")
    with (folder / "secops.toml").open("w", encoding="utf-8") as out:
        out.write(text.replace("port = 8765", f"port = {port}"))
    return folder


@pytest.fixture
def patient(made: Path) -> Patient:
    return Patient(now=NOW, folder=made, settings=load(made))


PAGED = """
[[notify.channels]]
id = "mail"
kind = "mail"
host = "127.0.0.1"
port = {port}
sender = "secops@example.jp"
user = "secops"
password_file = "{secret}"
[[notify.channels]]
id = "page"
kind = "command"
argv = ["{argv}"]
[[notify.people]]
id = "toban"
name = "当番"
contacts = {{mail = "toban@example.jp"}}
"""


def with_sources(patient: Patient, text: str) -> Patient:
    from secops.settings import parse

    head = '[site]\nid = "ward"\nname = "x"\n[zones.lgwan]\nlabel = "L"\nnetworks = ["10.20.0.0/16"]\n'
    return replace(patient, settings=parse(head + text, "secops.toml"))


def test_a_new_site_is_well_and_every_check_says_what_it_looked_at(made: Path):
    found = examine(made)
    assert [one for one in found if one.state is State.WRONG] == []
    assert len(found) == len(MACHINE) + len(SITE) + 1
    assert len({one.check for one in found}) == len(found)
    assert all(one.what for one in found)
    assert all(bool(one.todo) == (one.state is not State.OK) for one in found)


def test_the_command_ends_with_one_when_something_must_be_mended(made: Path, tmp_path: Path):
    done = CliRunner().invoke(secops, ["doctor", "--json"])
    found = json.loads(done.output)
    assert len(found["findings"]) == len(MACHINE)
    assert done.exit_code == (0 if found["ok"] else 1)
    (tmp_path / "secops.toml").write_text("[site]\nid = 'A b'\n", encoding="utf-8")
    done = CliRunner().invoke(secops, ["doctor", "--site", str(tmp_path)])
    assert done.exit_code == 1
    assert "× settings" in done.output
    assert "secops config check" in done.output


def test_a_check_that_fails_is_a_finding_and_the_others_go_on(made: Path):
    (made / "journal").rename(made / "away")
    try:
        found = {one.check: one for one in examine(made)}
    finally:
        (made / "away").rename(made / "journal")
    assert found["journal"].state is State.WRONG
    assert found["lake"].state is State.OK


# --------------------------------------------------------------------------------------------------------- the machine


def test_python_and_packages(tmp_path: Path):
    assert machine.judge_python((3, 10, 4)).state is State.WRONG
    assert machine.judge_python((3, 11, 0)).state is State.OK
    patient = Patient(now=NOW)
    assert machine.packages(patient).state is State.OK
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "orjson==0.0.1 \\\n    --hash=sha256:00\nnothing-like-it==1 \\\nother-system==2 ; os_name == 'nt' \\\n"
    )
    found = machine.packages(patient, lock)
    assert found.state is State.WRONG
    assert "orjson" in found.what
    assert "nothing-like-it がありません" in found.what
    assert "other-system" not in found.what
    assert machine.packages(patient, tmp_path / "none").state is State.WARNING


@pytest.mark.parametrize(("free", "state"), [(8 << 20, State.OK), (600 << 10, State.WARNING), (100 << 10, State.WRONG)])
def test_memory(tmp_path: Path, free: int, state: State):
    (tmp_path / "meminfo").write_text(f"MemTotal:       16000000 kB\nMemAvailable:   {free} kB\n", encoding="ascii")
    assert machine.memory(Patient(now=NOW, proc=tmp_path)).state is state


def test_limits_of_the_system(tmp_path: Path):
    assert machine.judge_open_files(256, 1_000_000).state is State.WRONG
    assert machine.judge_open_files(1024, 2048).state is State.WARNING
    assert machine.judge_open_files(-1, -1).state is State.OK
    patient = Patient(now=NOW, proc=tmp_path)
    assert machine.inotify(patient).state is State.WARNING
    place = tmp_path / "sys/fs/inotify/max_user_watches"
    place.parent.mkdir(parents=True)
    for watches, state in ((128, State.WARNING), (65536, State.OK)):
        place.write_text(f"{watches}\n", encoding="ascii")
        assert machine.inotify(patient).state is state


def test_terminal_and_fonts(tmp_path: Path):
    for environment, state in (
        ({}, State.WARNING),
        ({"LANG": "ja_JP.UTF-8"}, State.OK),
        ({"LANG": "C.UTF-8", "LC_ALL": "C"}, State.WARNING),
    ):
        assert machine.terminal(Patient(now=NOW, environment=environment)).state is state
    patient = Patient(now=NOW, fonts=(tmp_path, tmp_path / "none"))
    (tmp_path / "DejaVuSans.ttf").touch()
    assert machine.fonts(patient).state is State.WARNING
    (tmp_path / "NotoSansCJK-Regular.ttc").touch()
    assert machine.fonts(patient).state is State.OK


# ------------------------------------------------------------------------------------------------------------ the site


def test_disk_and_inodes():
    assert site.judge_disk(500 << 30, 1000 << 30).state is State.OK
    assert site.judge_disk(100 << 30, 1000 << 30).state is State.WARNING
    assert site.judge_disk(40 << 30, 1000 << 30).state is State.WRONG
    assert site.judge_inodes(10, 1000).state is State.WRONG
    assert site.judge_inodes(900, 1000).state is State.OK
    assert site.judge_inodes(0, 0).state is State.OK


def test_a_folder_that_others_can_look_into(patient: Patient):
    patient.site.chmod(0o755)
    found = site.permissions(patient)
    patient.site.chmod(0o700)
    assert found.state is State.WRONG
    assert found.todo == f"chmod -R go= {patient.site}"
    assert site.permissions(patient).state is State.OK


def test_keys_that_are_missing_empty_or_exposed(patient: Patient):
    keys = patient.site / "keys"
    private = keys / "journal.key"
    keys.rename(patient.site / "kept")
    try:
        keys.mkdir()
        assert "署名鍵がありません" in site.keys(patient).what
        private.touch()
        (keys / "journal.pub").write_text("x", encoding="ascii")
        assert "署名鍵が空です" in site.keys(patient).what
        private.write_text("x", encoding="ascii")
        private.chmod(0o644)
        assert "ほかの利用者が読めます" in site.keys(patient).what
        private.chmod(0o400)
        assert site.keys(patient).state is State.WRONG, "the public key is none"
        done = CliRunner().invoke(secops, ["status", "--json", "--site", str(patient.site)])
        assert any("journal.pub" in text for text in json.loads(done.output)["problems"])
    finally:
        for path in keys.iterdir():
            path.unlink()
        keys.rmdir()
        (patient.site / "kept").rename(keys)
    assert site.keys(patient).state is State.OK


def test_a_clock_that_went_back(patient: Patient):
    with open_site(patient.site) as opened:
        batch = NewBatch("linux", NOW, Origin("file", "text"), [b"x"])
        opened.journal.append([batch])
    assert site.clock_went_back(patient).state is State.OK
    assert site.clock_went_back(replace(patient, now=NOW - timedelta(hours=2))).state is State.WRONG


def test_records_of_another_version_damaged_or_gone(patient: Patient, tmp_path: Path):
    for at, state in (("0001", State.WARNING), ("9999", State.WRONG)):
        with closing(sqlite3.connect(tmp_path / "records.db")) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num TEXT)")
            database.execute("DELETE FROM alembic_version")
            database.execute("INSERT INTO alembic_version VALUES (?)", (at,))
        assert site.records(replace(patient, folder=tmp_path)).state is state
    (tmp_path / "records.db").write_bytes(b"no database" * 100)
    assert site.records(replace(patient, folder=tmp_path)).state is State.WRONG
    (tmp_path / "records.db").unlink()
    assert site.records(replace(patient, folder=tmp_path)).state is State.WRONG
    assert site.records(patient).state is State.OK
    assert site.lake(replace(patient, folder=tmp_path)).state is State.WRONG


def test_elasticsearch_that_does_not_answer_is_said_with_what_to_do(patient):
    store = StoreSettings(kind="elasticsearch", urls=["http://127.0.0.1:9"], timeout_seconds=1, retry_seconds=1)
    found = site.lake(replace(patient, settings=patient.settings.model_copy(update={"store": store})))
    assert found.state is State.WRONG
    assert "127.0.0.1:9" in found.what
    assert "[store]" in found.todo


@pytest.mark.parametrize(
    ("path", "state"), [("logs/*.log", State.OK), ("logs/a.log", State.OK), ("nowhere/*/x.log", State.WRONG)]
)
def test_sources_that_cannot_be_read(patient: Patient, path: str, state: State):
    (patient.site / "logs").mkdir(exist_ok=True)
    text = f'[[sources]]\nid = "a"\nkind = "file"\nzone = "lgwan"\npath = "{path}"\n'
    assert site.sources(with_sources(patient, text)).state is state


@pytest.mark.skipif(ROOT, reason="root may read everything")
def test_a_source_without_permission(patient: Patient, tmp_path: Path):
    closed = tmp_path / "a.log"
    closed.touch(mode=0)
    text = f'[[sources]]\nid = "a"\nkind = "file"\nzone = "lgwan"\npath = "{closed}"\n'
    assert site.sources(with_sources(patient, text)).state is State.WRONG


def test_ports_in_use_unless_by_the_site_itself(patient: Patient):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        text = f'[[sources]]\nid = "a"\nkind = "syslog-tcp"\nzone = "lgwan"\nlisten = "{address}"\n'
        ward = with_sources(patient, text)
        ward = replace(ward, settings=ward.known.model_copy(update={"web": patient.known.web}))
        found = site.ports(ward)
        assert found.state is State.WRONG
        assert address in found.what
        with held(patient.site, "collectors"):
            assert site.ports(ward).state is State.OK
    assert "この機械のアドレス" in site._refusal("203.0.113.7", 8765, socket.SOCK_STREAM)


def test_a_certificate_near_its_end():
    states = [site._by_end(timedelta(days=days), "").state for days in (-1, 10, 90)]
    assert states == [State.WRONG, State.WARNING, State.OK]


def test_ways_out_to_the_person_on_call(patient: Patient, tmp_path: Path):
    assert paging(patient).state is State.WARNING, "a new site pages nobody"
    secret = tmp_path / "smtp"
    secret.write_text("himitsu", encoding="ascii")
    secret.chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as server:
        ward = with_sources(patient, PAGED.format(port=server.getsockname()[1], secret=secret, argv="/bin/true"))
        assert paging(ward).state is State.OK
        secret.chmod(0o644)
        assert "chmod 600" in paging(ward).what
        secret.chmod(0o600)
    assert "つながりません" in paging(ward).what
    ward = with_sources(patient, PAGED.format(port=1, secret=secret, argv="/nowhere/page"))
    assert "/nowhere/page" in paging(ward).what
    assert paging(ward).state is State.WRONG
