"""Installing without internet: the lines of the guide against a folder as `make wheelhouse` leaves it, but small.

The real folder is 220 MB of downloads: none is made here. What can go wrong with it is: a package that is needed and
not locked, a lock without a hash, a line that asks the network after all, and a folder that was changed on the way.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_guides import commands

ROOT = Path(__file__).parent.parent
GUIDE = "/mnt/backup/wheelhouse"
VENV = "/opt/secops"


def locked() -> dict[str, tuple[str, int]]:
    """Name → version and how many hashes, of the lock file that goes into the folder."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, tuple[str, int]] = {}
    for line in text.splitlines():
        if pin := re.match(r"([A-Za-z0-9._-]+)==(\S+)", line):
            found[canonicalize_name(pin[1])] = (pin[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}", line)))
    return found


def needed() -> set[str]:
    """All packages that the program needs here, by what they say themselves."""
    found: set[str] = set()
    waiting = [Requirement(one) for one in distribution("secops").requires or ()]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        if (one.marker and not one.marker.evaluate({"extra": ""})) or name in found:
            continue
        found.add(name)
        waiting += [Requirement(more) for more in distribution(one.name).requires or ()]
    return found


def test_everything_that_is_needed_is_locked_with_a_hash():
    lock = locked()
    assert needed() - lock.keys() == set(), "without internet this would be missing: make lock"
    assert [name for name, (_version, hashes) in lock.items() if not hashes] == []


def target() -> list[str]:
    """The lines of `make wheelhouse`."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(r"^wheelhouse:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert found
    return [line.strip() for line in found[1].splitlines()]


def test_the_target_fetches_the_lock_and_nothing_else():
    [fetch] = [line for line in target() if " pip download " in line]
    assert re.findall(r"-r (\S+)", fetch) == ["requirements.lock"]
    for option in ("--require-hashes", "--only-binary :all:", "-d wheelhouse"):
        assert option in fetch
    assert "cp requirements.lock wheelhouse/" in target()


def test_the_lines_of_the_guide_never_ask_the_network():
    lines = [line for line in commands("kanri.md") if GUIDE in line and "pip install" in line]
    assert len(lines) == 4  # installing and upgrading
    for line in lines:
        assert "--no-index" in line, line
        assert "--require-hashes" in line or "--no-deps" in line, line


def wheel(folder: Path, name: str) -> Path:
    """A package of one empty module."""
    path, info = folder / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(f"{name}.py", "")
        packed.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        packed.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program's own wheel, one small package in the place of all others, lock and sums."""
    folder = tmp_path_factory.mktemp("media") / "wheelhouse"
    source = folder.parent / "source"
    folder.mkdir()
    for name in ("secops", "rules", "audits", "policies"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "requirements.lock"):
        shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=source, check=True, capture_output=True, timeout=120)
    digest = hashlib.sha256(wheel(folder, "tiny").read_bytes()).hexdigest()
    (folder / "requirements.lock").write_text(f"tiny==1.0 --hash=sha256:{digest}\n", encoding="utf-8")
    [sums] = [line for line in target() if "SHA256SUMS" in line]
    subprocess.run(["bash", "-ec", sums], cwd=folder.parent, check=True, timeout=60)
    return folder


def run(line: str, house: Path, venv: Path) -> subprocess.CompletedProcess[str]:
    """A line of the guide with these folders in the place of its own, on a machine whose network leads nowhere."""
    nowhere = {"http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1", "PIP_RETRIES": "0"}
    words = ["bash", "-ec", line.replace(GUIDE, str(house)).replace(VENV, str(venv))]
    environment = {**os.environ, **nowhere, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_the_guide_installs_from_the_folder_alone(house: Path, tmp_path: Path):
    venv = tmp_path / "secops"
    lines = [line for line in commands("kanri.md") if GUIDE in line or f"venv {VENV}" in line]
    lines = [line for line in lines if not line.startswith("secops ")]
    assert [line.split()[0] for line in lines[:2]] == ["cd", "python3"]
    for line in lines:  # the upgrade installs the same anew
        done = run(line, house, venv)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    [packages] = venv.glob("lib/python3*/site-packages")
    there = {path.name for path in packages.iterdir()}
    assert {"tiny.py", "secops"} <= there
    assert (venv / "bin" / "secops").exists()
    assert not {"click", "polars"} & there, "nothing came from elsewhere"


def test_a_folder_that_was_changed_on_the_way_is_refused(house: Path, tmp_path: Path):
    bad, venv = tmp_path / "wheelhouse", tmp_path / "secops"
    shutil.copytree(house, bad)
    with (bad / "tiny-1.0-py3-none-any.whl").open("ab") as file:
        file.write(b"x")
    lines = [line for line in commands("kanri.md") if GUIDE in line or f"venv {VENV}" in line]
    check, make, install = lines[:3]
    assert run(check, bad, venv).returncode != 0
    assert run(make, bad, venv).returncode == 0
    done = run(install, bad, venv)
    assert (done.returncode, "HASH" in done.stderr.upper()) == (1, True), done.stderr
