"""PDF of a Word file by LibreOffice, where the machine has it: a child with a home of its own, and with limits.

A paper that somebody edited in Word is no longer what our own PDF is made of, so only an office program can lay it out.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from secops.errors import AuditError, Problem
from secops.locale import _

NAMES = ("soffice", "libreoffice")
SECONDS = 120  # of time in all; the first start on a machine takes some
LARGEST = 256 << 20  # bytes of any file that it writes
MEMORY = 4 << 30  # bytes that it may take
# Of our own environment it gets what a program needs to start; what it would fetch by HTTP it does not get.
PASSED = ("PATH", "LANG", "LC_ALL", "TZ")
NOWHERE = "http://127.0.0.1:9"

Convert = Callable[[bytes], bytes]


def find_office() -> Convert | None:
    """What makes a PDF of a Word file on this machine; None where LibreOffice is not installed."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    return None if program is None else lambda data: convert(program, data)


def convert(program: str, data: bytes, *, seconds: float = SECONDS) -> bytes:
    """The PDF of a docx.

    Raises:
        AuditError: the program failed, or took too long.
    """
    with tempfile.TemporaryDirectory(prefix="secops-pdf-") as name:
        folder = Path(name)
        (folder / "paper.docx").write_bytes(data)
        options = ("--headless", "--nologo", "--nodefault", "--norestore", "--nolockcheck", "--nofirststartwizard")
        argv = [program, f"-env:UserInstallation={(folder / 'profile').as_uri()}", *options]
        code = _run([*argv, "--convert-to", "pdf:writer_pdf_Export", "--outdir", name, "paper.docx"], folder, seconds)
        made = folder / "paper.pdf"
        pdf = made.read_bytes() if made.is_file() else b""
    if code != 0 or not pdf.startswith(b"%PDF-"):
        what = _(
            "LibreOffice で PDF にできませんでした(終了コード {code})。Word で PDF を作り、併せて登録してください。"
        )
        raise AuditError([Problem("PDF", what.format(code=code))])
    return pdf


def _run(argv: list[str], folder: Path, seconds: float) -> int:
    own = {name: os.environ[name] for name in PASSED if name in os.environ}
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**own, "HOME": str(folder), "http_proxy": NOWHERE, "https_proxy": NOWHERE},
            cwd=folder,
            start_new_session=True,  # so that it can be ended with its children
        )
    except OSError as error:
        what = _("LibreOffice({program})を起動できません({reason})。")
        raise AuditError([Problem("PDF", what.format(program=argv[0], reason=error.strerror or error))]) from None
    _limit(process.pid, seconds)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        what = _(
            "LibreOffice が {seconds} 秒で終わらないため、止めました。Word で PDF を作り、併せて登録してください。"
        )
        raise AuditError([Problem("PDF", what.format(seconds=f"{seconds:g}"))]) from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _limit(pid: int, seconds: float) -> None:
    """Limits for it and what it starts (on Linux); set from here, since nothing of ours may run in its fork."""
    if sys.platform == "linux":
        import resource

        limits = ((resource.RLIMIT_CPU, int(seconds)), (resource.RLIMIT_FSIZE, LARGEST), (resource.RLIMIT_DATA, MEMORY))
        for kind, most in limits:
            with suppress(ProcessLookupError, PermissionError):
                resource.prlimit(pid, kind, (most, most))
