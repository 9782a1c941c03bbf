"""Every command in the guides runs: against one demo ward, in the order of the document, as a reader types it.

Blocks marked ``sh`` are commands. Those of `secops` run in this process (the same commands, without a start), others in
a shell. What needs another machine, root or a download is in `ELSEWHERE` with what stands in for it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from secops.cli import secops
from secops.cli.help import translated
from secops.errors import SecopsError

ROOT = Path(__file__).parent.parent
GUIDES = ROOT / "docs" / "ja"
# They end with 1 where something needs a person: a ward that stands still, a connection that is not allowed.
MAY_END_WITH_ONE = ("status", "doctor", "zones")
ELSEWHERE = {
    "make wheelhouse": "downloads 220 MB; what it installs: test_the_program_s_own_wheel_runs_without_the_checkout",
    "cp -r wheelhouse": "as above",
    "cd /mnt/backup/wheelhouse": "as above",
    "python3 -m venv /opt/secops": "as above",
    "/opt/secops/bin/pip install": "as above",
    "systemctl": "needs systemd and root",
}
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
