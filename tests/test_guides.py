"""Every command in the guides runs: against one demo ward, in the order of the document, as a reader types it.

Blocks marked ``sh`` are commands. Those of `secops` run in this process (the same commands, without a start), others in
a shell. What needs another machine, root or a download is in `ELSEWHERE` with what stands in for it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from click.testing import CliRunner

from secops.cli import secops
from secops.cli.help import translated
from secops.cli.trace import os_user
from secops.errors import SecopsError
from secops.schema.severity import Severity
from secops.settings import load
from secops.siem.ports import AlertFilter, Scope, Verdict
from secops.siem.triage.exemption import WHO
from secops.siem.triage.preview import choices
from secops.wiring import create_site, open_site
from tests.notify.test_notify_mail import free_port

ROOT = Path(__file__).parent.parent
GUIDES = ROOT / "docs" / "ja"
# They end with 1 where something needs a person: a ward that stands still, a connection that is not allowed.
MAY_END_WITH_ONE = ("status", "doctor", "zones", "collect")
ELSEWHERE = {
    "make wheelhouse": "downloads 220 MB; these lines over a small folder: tests/test_wheelhouse.py",
    "cp -r wheelhouse": "as above",
    "cd /mnt/backup/wheelhouse": "as above",
    "python3 -m venv /opt/secops": "as above",
    "/opt/secops/bin/pip install": "as above",
    "systemctl": "needs systemd and root",
}
RUN = ("toban.md", "kanri.md", "operator.md", "elasticsearch.md")
PLACES = {"/srv/restored": "restored", "/srv/secops": "site", "/mnt/backup": "backup", "/mnt/keys": "keys"}


def commands(name: str) -> list[str]:
    """All command lines of a guide, in order."""
    text = (GUIDES / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo ward with its alerts, made once."""
    folder = tmp_path_factory.mktemp("guides") / "ward"
    done = CliRunner().invoke(secops, ["demo", str(folder), "--days", "1", "--report", "--json"])
    assert done.exit_code == 0, done.output
    return folder


def place_for(name: str, ward: Path) -> Path:
    """Where the folders of a guide are; each guide has its own copy of the ward."""
    place = ward.parent / name
    shutil.copytree(ward, place / "site")
    (place / "backup").mkdir()
    return place


def here(line: str, place: Path) -> str:
    for name, folder in PLACES.items():
        line = line.replace(name, str(place / folder))
    return line


def run_secops(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = secops
    given = list(words)
    context = click.Context(secops)
    while isinstance(command, click.Group) and given and not given[0].startswith("-"):
        found = command.get_command(context, given[0])
        assert found, line
        command, given = found, given[1:]
    options = {name for option in command.params for name in option.opts}
    if "--password-stdin" in options:  # a person is asked at the terminal
        words.append("--password-stdin")
    done = CliRunner().invoke(translated(secops), words, input="himitsu-no-aikotoba-2026\n")
    allowed = {0, 1} if words[0] in MAY_END_WITH_ONE else {0}
    if isinstance(done.exception, SecopsError):
        pytest.fail(f"{line}\n{done.exception}")
    assert done.exit_code in allowed, f"{line}\n{done.output}\n{done.exception!r}"
    assert done.output.strip(), f"{line} says nothing"


def init_elsewhere(line: str, place: Path) -> str:
    """A site is made once only: where the guide makes one, it is made beside the ward."""
    return line.replace(str(place / "site"), str(place / "new")) if line.startswith("secops init") else line


def test_every_command_of_the_guides_runs(ward: Path):
    guides = ("toban.md", "kanri.md", "policy-guideline.md", "policy-word.md", "policy-compare.md", "jiko-tenken.md")
    for name in guides:
        run_all(commands(name), place_for(name, ward))


def run_all(lines: list[str], place: Path) -> None:
    assert len(lines) > 10
    for line in lines:
        if line.startswith("secops "):
            run_secops(init_elsewhere(here(line, place), place))
        elif not line.startswith(tuple(ELSEWHERE)):
            subprocess.run(["bash", "-ec", here(line, place)], check=True, capture_output=True, timeout=60)


class Duty:
    """A ward as the operator's guide finds it, and its numbers in the place of those in the guide.

    Alerts, actions and messages of a real ward have numbers of their own; how many a set holds is asked of the program
    first, as a reader reads it on the terminal.
    """

    def __init__(self, place: Path) -> None:
        self.site = place / "site"
        self.place = place
        with open_site(self.site) as opened:
            mine = [opened.desk.detail(one.id, Scope()) for one in opened.desk.alerts(AlertFilter(), Scope()).alerts]
            fields = {"host.name", "user.name"}
            self.alert = next(one.alert.id for one in mine if one.hits and fields <= choices(one.hits, WHO).keys())
            who: dict[str, Any] = {"actor": "x", "scope": Scope(), "now": opened.now()}
            opened.desk.close([self.alert], Verdict.FALSE_POSITIVE, "棚卸しの道具", **who)
            more: dict[str, Any] = {
                "severity": Severity.LOW,
                "department": "",
                "text": "",
                "actor": "x",
                "now": opened.now(),
            }
            for title, zone in (("複合機の更新に見える通信", ""), ("K-0213 の動作", "lgwan")):
                opened.desk.open_manual(title=title, category="other", zone=zone, **more)
            self.leader = next(one.alert.id for one in mine if one.hits and one.alert.id != self.alert)
        self._files()
        self.bulk = 0
        self.message = 0

    def _files(self) -> None:
        """What lies in the folder where the reader types: logs, rules of others, a changed register."""
        shutil.copy(self.site / "inventory" / "flows.csv", self.place / "flows.csv")
        shutil.copytree(ROOT / "rules" / "account", self.place / "rules")
        shutil.copy(ROOT / "rules" / "account" / "user_account_created.yml", self.place / "新しいルール.yml")
        with zipfile.ZipFile(self.place / "sigma.zip", "w") as packed:
            packed.write(ROOT / "rules" / "account" / "disabled_account_logon.yml", "rules/logon.yml")
        renamed = "name: x\npriority: 10\ntransformations:\n  - id: a\n    type: field_name_mapping\n"
        (self.place / "field-names.yml").write_text(f"{renamed}    mapping: {{Benutzer: TargetUserName}}\n", "utf-8")
        event = {"EventID": 4720, "Channel": "Security", "Hostname": "PC-1", "TargetUserName": "neu", "RecordNumber": 1}
        for name in ("logs", "evidence"):
            (self.place / name).mkdir()
            (self.place / name / "security.jsonl").write_text(json.dumps(event) + "\n", "utf-8")

    def line(self, line: str) -> str:
        """A line of the guide with the numbers of this ward."""
        line = line.replace("exception 1234", f"exception {self.alert}")
        line = line.replace("--link 45", f"--link {self.leader}").replace("split 45", f"split {self.leader}")
        line = line.replace("alerts undo 7", f"alerts undo {self.bulk}").replace("show 12", f"show {self.message}")
        if line.startswith(("secops alerts bulk", "secops alerts exception")) and ("--write" in line or "bulk" in line):
            line = f"{re.sub(r' --yes [0-9]+', '', line)} --yes {self.counted(re.sub(r' --yes [0-9]+', '', line))}"
        return line

    def counted(self, line: str) -> str:
        """The number that the program asks to confirm."""
        done = CliRunner().invoke(secops, shlex.split(line, comments=True)[1:])
        asked = re.search(r"--yes (\d+) ", str(done.exception))
        assert asked, f"{line}\n{done.output}\n{done.exception!r}"
        return asked[1]

    def after(self, line: str) -> None:
        """What a line said of numbers that later ones need."""
        with open_site(self.site) as opened:
            if line.startswith("secops alerts bulk"):
                self.bulk = opened.desk.bulks(os_user(), opened.now() - timedelta(hours=1))[0].id
            if line.startswith("secops notify test"):
                self.message = opened.desk.paging.outbox(Scope(), state=None, limit=1)[0][0].id


def notified(site: Path, port: int) -> None:
    """The [notify] of the guide in the settings of the ward, with a mail server that is there, and a provider."""
    text = (GUIDES / "operator.md").read_text(encoding="utf-8")
    [block] = [one for one in re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL) if "[notify]" in one]
    block = block.replace('host = "smtp.example.lg.jp"', f'host = "127.0.0.1"\nport = {port}')
    block = block.replace('"starttls"', '"none"')
    block = re.sub(r"^(user|password_file) = .*\n", "", block, flags=re.MULTILINE)
    settings = (site / "secops.toml").read_text(encoding="utf-8")
    kept = re.sub(r"^\[notify\].*?(?=^\[(?!\[?notify)|\Z)", "", settings, flags=re.MULTILINE | re.DOTALL)
    secret = site / "keys" / "oidc-secret"
    secret.write_text("x", encoding="utf-8")
    secret.chmod(0o600)
    provider = '[web.oidc]\nissuer = "https://login.example.lg.jp"\nclient_id = "secops"\n'
    provider += 'client_secret_file = "keys/oidc-secret"\n'
    (site / "secops.toml").write_text(f"{kept}\n{provider}\n{block}", encoding="utf-8")


def test_every_command_of_the_operators_guide_runs(ward: Path, monkeypatch: pytest.MonkeyPatch):
    place = place_for("operator.md", ward)
    monkeypatch.chdir(place)
    duty, lines = Duty(place), commands("operator.md")
    inbox = Controller(Sink(), hostname="127.0.0.1", port=free_port())
    inbox.start()
    try:
        notified(place / "site", inbox.port)
        assert len(lines) > 40
        for typed in lines:
            line = duty.line(here(typed, place))
            run_secops(line)
            duty.after(line)
    finally:
        inbox.stop()


def test_each_command_in_these_guides_is_in_a_block_that_is_run():
    """A command in a block of another kind would be run by no test, and nobody would notice when it is wrong."""
    left = []
    for name in RUN:
        text = (GUIDES / name).read_text(encoding="utf-8")
        for kind, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            lines = block.splitlines() if kind != "sh" else ()
            left += [f"{name}: {line}" for line in lines if line.startswith(("secops ", "make ", "sudo "))]
    assert left == []


def named() -> list[tuple[str, str]]:
    """Commands that the text of a guide names in passing: (guide, command)."""
    found = []
    for path in sorted(GUIDES.glob("*.md")):
        text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        found += [(path.name, line) for line in re.findall(r"`(secops [^`]+)`", text) if path.name != "commands.md"]
    return sorted(set(found))


@pytest.mark.parametrize(("guide", "line"), named())
def test_a_command_that_a_guide_names_in_passing_exists_with_its_options(guide: str, line: str):
    words = [word for word in line.split()[1:] if word not in {"…", "..."}]
    command: click.Command = secops
    context = click.Context(secops)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        several = [command.get_command(context, word) for word in words[0].split("|")]  # a|b stands for both
        assert all(several), f"{guide}: {line}"
        command, words = several[0] or command, words[1:]
    known = {name for option in command.params for name in option.opts} | {"--help", "--version"}
    asked = {found for word in words for found in re.findall(r"^--[a-z-]+", word)}
    assert asked <= known, f"{guide}: {line}"


def test_the_settings_for_elasticsearch_are_settings(tmp_path: Path):
    """Its guide has no command of its own; a whole site on a real server: `tests/wiring/test_elastic_site.py`."""
    text = (GUIDES / "elasticsearch.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    create_site(tmp_path / "ward")
    path = tmp_path / "ward" / "secops.toml"
    settings = path.read_text(encoding="utf-8")
    replaced = re.sub(r"^\[store\].*?(?=^\[)", block, settings, flags=re.MULTILINE | re.DOTALL)
    path.write_text(replaced, encoding="utf-8")
    for name in ("es-api-key", "es-ca.pem"):
        (tmp_path / "ward" / "keys" / name).write_text("x", encoding="utf-8")
        (tmp_path / "ward" / "keys" / name).chmod(0o600)
    store = load(tmp_path / "ward").store
    assert (store.kind, store.urls, store.prefix) == ("elasticsearch", ["https://es01:9200"], "secops")


def test_nothing_is_excused_that_no_guide_says():
    lines = [line for name in ("toban.md", "kanri.md") for line in commands(name)]
    assert [start for start in ELSEWHERE if not any(line.startswith(start) for line in lines)] == []


def test_pictures_are_there_small_and_used():
    used = {
        name
        for guide in GUIDES.glob("*.md")
        for name in re.findall(r"!\[[^\]]+\]\(images/([^)]+)\)", guide.read_text(encoding="utf-8"))
    }
    there = {path.name: path.stat().st_size for path in (GUIDES / "images").iterdir()}
    assert used == there.keys()
    assert len(there) <= 8
    assert max(there.values()) <= 150_000


def test_links_between_the_documents_lead_somewhere():
    for document in [ROOT / "README.md", *GUIDES.glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_program_s_own_wheel_runs_without_the_checkout(tmp_path: Path):
    """What `make wheelhouse` builds: rules, locked versions, words and pages are in it."""
    source, target = tmp_path / "source", tmp_path / "installed"
    for name in ("secops", "rules", "audits", "policies"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "requirements.lock"):
        shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=source, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("secops-*.whl")
    with zipfile.ZipFile(wheel) as packed:  # all of it goes where it is found: that is what installing it means
        packed.extractall(target)

    argv = [sys.executable, "-m", "secops.cli", "rules", "check"]
    environment = {**os.environ, "PYTHONPATH": str(target), "SECOPS_LANG": "en"}
    done = subprocess.run(argv, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert re.search(r"[4-9]\d rules", done.stdout + done.stderr), done.stderr
    files = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert files >= {
        "secops/_requirements.lock",
        "secops/_rules/logsources.yml",
        "secops/_audits/catalogue/09-review.yml",
        "secops/web/templates/base.html",
    }
