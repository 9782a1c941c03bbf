"""The program's `answer` in the process of the test: its arguments, streams and exit code, without its start."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout

from secops.cli import answer


def run_here(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """What ``secops`` with these arguments says and how it ends; an error that it lets through is the test's error."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["secops", *argv]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            answer()
        raise AssertionError("answer() always ends with an exit code")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    finally:
        sys.argv = before
    return subprocess.CompletedProcess(["secops", *argv], code, out.getvalue(), err.getvalue())
