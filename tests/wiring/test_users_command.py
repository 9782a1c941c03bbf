"""`secops users`: add, list, disable, enable, reset, unlock, on a real site."""

from __future__ import annotations

import json
import re
import stat
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

from secops.access.ports import Step, Visit
from secops.errors import DeniedError
from secops.settings import load
from secops.wiring import create_site, open_site
from secops.wiring.doctor import site as checks
from secops.wiring.doctor.model import Patient
from tests.e2e.here import run_here


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("users") / "ward"
    create_site(made, site_id="ward")
    return made


def users(folder: Path, *arguments: str):
    actor = [] if arguments[0] == "list" else ["--as-user", "kanri"]
    return run_here(["users", *arguments, "--site", str(folder), *actor])


def code_in(text: str):
    return re.findall(r"[2-9A-Z]{5}(?:-[2-9A-Z]{5}){3}", text)[0]


def state(folder: Path, name: str):
    return next(line for line in users(folder, "list").stdout.splitlines() if line.startswith(name))


def test_the_life_of_a_user(folder: Path):
    made = users(folder, "add", "yamada", "--role", "viewer", "--zone", "lgwan", "--display-name", "山田 花子")
    assert made.returncode == 0, made.stderr
    code = code_in(made.stdout)
    assert "登録待ち" in state(folder, "yamada")
    with open_site(folder) as site:
        _, session = site.accounts.login("yamada", code, peer="p", now=site.now(), demo_allowed=False)
        assert session.step is Step.PASSWORD
        assert session.user.access.zones == frozenset({"lgwan"})
    assert users(folder, "disable", "yamada").returncode == 0
    assert "停止" in state(folder, "yamada")
    assert users(folder, "enable", "yamada").returncode == 0
    with open_site(folder) as site:
        for _n in range(5):
            with pytest.raises(DeniedError):
                site.accounts.login("yamada", "wrong", peer="p", now=site.now(), demo_allowed=False)
        with pytest.raises(DeniedError, match="秒後"):
            site.accounts.login("yamada", code, peer="p", now=site.now(), demo_allowed=False)
    assert "失敗の記録を消しました" in users(folder, "unlock", "yamada").stdout
    again = json.loads(users(folder, "reset", "yamada", "--factors", "--json").stdout)
    assert again["setup_code"] != code
    with open_site(folder) as site:
        with pytest.raises(DeniedError, match="違います"):
            site.accounts.login("yamada", code, peer="p", now=site.now(), demo_allowed=False)
        site.accounts.login("yamada", again["setup_code"], peer="p", now=site.now(), demo_allowed=False)
        actions = [(one.actor, one.action) for one in site.accounts.audit_log() if one.actor == "kanri"]
        told = site.accounts.audit_log(action="user_reset")
    assert [action for _, action in actions] == [
        "user_reset",
        "user_unlocked",
        "user_enabled",
        "user_disabled",
        "user_added",
    ]
    assert told[0].text == "factors"


def test_a_new_administrator_is_an_alert_that_others_see_and_needs_a_second_factor(folder: Path):
    code = code_in(users(folder, "add", "boss", "--role", "admin").stdout)
    shown = run_here(["alerts", "list", "--site", str(folder)]).stdout
    assert "利用者・権限の変更" in shown
    with open_site(folder) as site:
        _, session = site.accounts.login("boss", code, peer="p", now=site.now(), demo_allowed=False)
        chosen = site.accounts.choose_password(session, "orange umbrella 47", Visit("p", "", site.now()))
        assert chosen[1].step is Step.ENROLL, "web.second_factor of a new site names admin"


def test_role_and_scope_change_one_by_one_and_the_open_login_ends(folder: Path):
    code = code_in(users(folder, "add", "mori", "--role", "csirt", "--zone", "lgwan").stdout)
    with open_site(folder) as site:
        token, _ = site.accounts.login("mori", code, peer="p", now=site.now(), demo_allowed=False)
    wider = users(folder, "change", "mori", "--all-zones")
    assert wider.stdout == "利用者「mori」: 役割 CSIRT、系統 すべて、課 すべて。\n"
    less = json.loads(users(folder, "change", "mori", "--role", "viewer", "--zone", "internet", "--json").stdout)
    assert less["sessions_ended"] == 1
    assert less["user"]["role"] == "viewer"
    assert less["user"]["access"] == {"zones": ["internet"], "departments": None}
    with open_site(folder) as site:
        assert site.accounts.session(token, site.now()) is None
        told = [(one.actor, one.target, one.text) for one in site.accounts.audit_log(action="user_changed")]
    assert told == [
        ("kanri", "mori", "csirt → viewer / zones all → internet"),
        ("kanri", "mori", "zones lgwan → all"),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "Yamada!", "--role", "viewer"], "利用者名"),
        (["add", "x", "--role", "viewer", "--zone", "nowhere"], "nowhere"),
        (["add", "x", "--role", "viewer", "--oidc"], "web.oidc"),
        (["add", "x", "--role", "king"], "king"),
        (["change", "boss"], "--role"),
        (["change", "boss", "--zone", "lgwan", "--all-zones"], "--all-zones"),
        (["change", "boss", "--zone", "nowhere"], "nowhere"),
        (["change", "boss", "--role", "viewer"], "ただ 1 人"),
        (["change", "nobody", "--role", "viewer"], "nobody"),
        (["unlock", "nobody"], "nobody"),
        (["reset", "nobody"], "nobody"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_reason(folder: Path, arguments: list[str], said: str):
    done = users(folder, *arguments)
    assert done.returncode != 0
    assert said in done.stderr


def test_the_key_of_apps_is_a_file_of_the_owner_that_the_doctor_misses(folder: Path):
    code = code_in(users(folder, "add", "mita", "--role", "csirt").stdout)
    key = folder / "keys" / "totp.key"
    assert not key.exists()
    with open_site(folder) as site:
        now = site.now()
        _, session = site.accounts.login("mita", code, peer="p", now=now, demo_allowed=False)
        _, session = site.accounts.choose_password(session, "orange umbrella 47", Visit("p", "", now))
        app = pyotp.TOTP(site.accounts.begin_totp(session))
        site.accounts.finish_totp(session, app.at(now), Visit("p", "", now))
    assert stat.S_IMODE(key.stat().st_mode) == 0o400
    assert app.secret.encode() not in (folder / "records.db").read_bytes()
    assert len(key.read_bytes()) == 32
    assert sorted(path.name for path in key.parent.iterdir()) == ["journal.key", "journal.pub", "totp.key"]

    def login() -> Step:
        with open_site(folder) as site:
            later = site.now() + timedelta(minutes=1)
            _, half = site.accounts.login("mita", "orange umbrella 47", peer="p", now=later, demo_allowed=False)
            return site.accounts.pass_code(half, app.at(later), Visit("p", "", later))[1].step

    def examined() -> str:
        patient = Patient(now=now, folder=folder, settings=load(folder))
        return checks.keys(patient).what

    assert login() is Step.DONE, "another process has the same key"
    assert "そろっています" in examined()
    key.chmod(0o444)
    assert "ほかの利用者が読めます" in examined()
    away = key.rename(folder / "totp.key")
    assert "認証アプリの秘密の鍵がありません" in examined()
    with pytest.raises(DeniedError, match=r"totp\.key"):
        login()
    away.rename(key)
    key.chmod(0o600)
    key.write_bytes(b"short")
    assert "32 バイト" in examined()
