"""What is compared: two texts given as files or as versions of a document, and how the ward wants the table."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from secops.errors import NotFoundError, PolicyError, Problem, UsageError
from secops.isms.clauses.markdown import read_document
from secops.isms.clauses.model import Document
from secops.isms.policy.ports import Version
from secops.locale import _
from secops.report.comparison_style import ComparisonStyle, read_style
from secops.schema.dates import JST
from secops.wiring import open_site
from secops.wiring.policies import open_library, watched_editions

if TYPE_CHECKING:
    from secops.isms.policy.library import Library
    from secops.isms.policy.linking import LinkDesk
    from secops.wiring.site import Site

STYLE = "comparison.toml"
DRAFT = "draft"
_SPEC = re.compile(r"(?P<document>[a-z][a-z0-9._-]*)(?:@(?P<which>[0-9]{1,6}|draft))?")


@dataclass(frozen=True, slots=True)
class Text:
    """One side of a comparison; ``version`` where it is a published one."""

    document: Document
    version: Version | None = None


def open_style(site: Path | None) -> ComparisonStyle:
    """The ward's own ``policies/comparison.toml``, else as usual.

    Raises:
        PolicyError: the file has mistakes.
    """
    path = site / "policies" / STYLE if site else None
    if path is None or not path.is_file():
        return ComparisonStyle()
    try:
        return read_style(str(path), path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        what = _("UTF-8 ではありません({byte} バイト目)。UTF-8 で保存し直してください。")
        raise PolicyError([Problem(f"{path}:1", what.format(byte=error.start + 1))]) from None


def open_texts(specs: tuple[str, str], site: Path | None) -> tuple[Text, Text]:
    """Both sides, each a Markdown file, or ``taisaku@3``, ``taisaku@draft``, ``taisaku`` (in force) of a site.

    Raises:
        UsageError: it is neither, or a site is needed.
        NotFoundError: no such file, document or version.
        PolicyError: a file has mistakes.
    """
    named = [spec for spec in specs if not _is_file(spec)]
    if named and site is None:
        what = _("「{spec}」というファイルはありません。保存された版を比べるには、サイトを --site で指定してください。")
        raise UsageError(what.format(spec=named[0]))
    opening: AbstractContextManager[Site | None] = open_site(site) if named and site else nullcontext()
    with opening as opened:
        library = open_library(opened) if opened else None
        today = opened.now().astimezone(JST).date() if opened else date.min
        one, other = (_file(spec) if _is_file(spec) else stored(library, spec, today) for spec in specs)
    return one, other


def _is_file(spec: str) -> bool:
    return spec.endswith(".md") or Path(spec).is_file()


def _file(spec: str) -> Text:
    path = Path(spec)
    if not path.is_file():
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=spec))
    try:
        return Text(read_document(spec, path.read_bytes().decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        what = _("UTF-8 ではありません({byte} バイト目)。UTF-8 で保存し直してください。")
        raise PolicyError([Problem(f"{spec}:1", what.format(byte=error.start + 1))]) from None


def stored(library: Library | None, spec: str, day: date) -> Text:
    """A text of the library: ``taisaku@3``, ``taisaku@draft``, or ``taisaku``: what is in force on the day.

    Raises:
        UsageError: it is written in another way.
        NotFoundError: there is no such document, version or draft.
    """
    found = _SPEC.fullmatch(spec)
    if found is None or library is None:
        what = _(
            "「{spec}」は、ファイル名か、taisaku@3(版)、taisaku@draft(改正案)、taisaku(施行中)の形で書いてください。"
        )
        raise UsageError(what.format(spec=spec))
    name, which = found["document"], found["which"]
    entry = library.entry(name, day)
    if which == DRAFT:
        if not entry.draft.open:
            raise NotFoundError(_("「{document}」に改正案はありません。").format(document=name))
        return Text(entry.working)
    if which is None:
        return Text(entry.current, entry.in_force)
    document = library.version(name, int(which))
    return Text(document, next(one for one in entry.versions if one.number == int(which)))


def open_links(site: Site) -> LinkDesk:
    """The desk of links of a site; the editions are read when first asked for."""
    from secops.isms.policy.linking import LinkDesk

    editions = watched_editions(site.folder)
    return LinkDesk(open_library(site, editions), editions, site.desk.rulings)
