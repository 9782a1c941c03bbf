"""The reader of the output goes away (`| head -1`): the program ends at once and says nothing, as `cat` does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from secops.cli import CLOSED_PIPE

RULES = Path(__file__).parent.parent.parent / "rules"


def read_one_line(*arguments: str) -> tuple[bytes, int, bytes]:
    """The first line, the exit code and what stood on standard error of a program whose reader reads no more."""
    program = subprocess.Popen(
        [sys.executable, "-m", "secops.cli", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert program.stdout is not None
    assert program.stderr is not None
    with program.stdout as out:
        line = out.readline()
    with program.stderr as err:
        said = err.read()
    return line, program.wait(), said


@pytest.fixture
def many_hits(tmp_path: Path) -> Path:
    log = tmp_path / "auth.log"
    line = "Apr  1 02:10:{:02} web01 sshd[1]: Failed password for root from 203.0.113.9 port 22 ssh2\n"
    log.write_text("".join(line.format(n % 60) for n in range(5000)), encoding="utf-8")
    (tmp_path / "any.yml").write_text(
        "title: Any failed login\nid: 6d2f5d0e-9b1c-4b54-8a61-2f3a9d1c7e55\nstatus: test\nlevel: low\n"
        "logsource: {product: linux, service: sshd}\n"
        "detection: {keywords: [Failed password], condition: keywords}\n",
        encoding="utf-8",
    )
    return tmp_path


def test_a_closed_pipe_ends_a_list_quietly():
    line, code, said = read_one_line("rules", "list", *[str(RULES)] * 16)  # more than a pipe holds
    assert line
    assert (code, said) == (CLOSED_PIPE, b"")


def test_a_closed_pipe_ends_a_hunt_quietly(many_hits: Path):
    arguments = ("hunt", str(many_hits / "auth.log"), "-r", str(many_hits / "any.yml"), "-o", "-", "--format", "jsonl")
    line, code, _said = read_one_line(*arguments)
    assert line
    assert code == CLOSED_PIPE


def test_a_pipe_closed_before_the_first_word():
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "secops.cli", "--help"], stdout=writer, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (CLOSED_PIPE, b"")
