"""Papers for tests: of the small ward, in the style of the program."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from secops.isms.audit.paper_style import PaperKind, PaperStyle, read_style
from secops.report.papers import build
from secops.report.papers.model import Order, Paper
from secops.wiring.audits import BUILTIN
from tests.isms.audit import books

OFFICE = shutil.which("soffice")
needs_office = pytest.mark.skipif(OFFICE is None, reason="LibreOffice (soffice) is not installed")


@cache
def style() -> PaperStyle:
    return read_style("reports.toml", (BUILTIN / "reports.toml").read_text(encoding="utf-8"))


def order(kind: PaperKind = PaperKind.REPORT, department: str = "", *, draft: bool = True, **style_: Any) -> Order:
    return Order(kind, replace(style(), **style_), books.DAY, department, draft)


def paper(kind: PaperKind = PaperKind.REPORT, department: str = "", *, draft: bool = True, **style_: Any) -> Paper:
    return build(books.ledger().book, order(kind, department, draft=draft, **style_))


def part(data: bytes, name: str) -> Any:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return etree.fromstring(file.read(name))


def as_pdf(data: bytes, folder: Path) -> bytes:
    """What LibreOffice makes of a Word file."""
    path = folder / "paper.docx"
    path.write_bytes(data)
    argv = [str(OFFICE), "--headless", f"-env:UserInstallation=file://{folder}/office", "--convert-to", "pdf"]
    subprocess.run([*argv, "--outdir", str(folder), str(path)], check=True, capture_output=True, timeout=120)
    return (folder / "paper.pdf").read_bytes()


def pages(pdf: bytes) -> list[str]:
    """The text of each page, without white space."""
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    try:
        return [re.sub(r"\s+", "", page.get_textpage().get_text_range()) for page in document]
    finally:
        document.close()
