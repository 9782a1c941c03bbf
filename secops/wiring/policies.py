"""Reads the documents of the ward: its own in the site's ``policies/``, else the sample of the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from secops.errors import NotFoundError, PolicyError, Problem
from secops.isms.policy.library import Files, Library, read_files
from secops.isms.policy.links import unknown_links
from secops.isms.policy.statutory import StatutoryRules, read_statutory
from secops.locale import _
from secops.wiring.guidelines import BUILTIN, guideline_files, open_editions
from secops.wiring.watched import Watched

if TYPE_CHECKING:
    from secops.isms.clauses.model import Document
    from secops.isms.clauses.trace import Editions
    from secops.wiring.site import Site

SAMPLE = "sample"
STATUTORY = "statutory.toml"
SUFFIX = ".md"
MAX_BYTES = 4_000_000


def policy_files(site: Path | None) -> tuple[list[Path], bool]:
    """The files of the ward's own documents, else those of the sample; and whether they are the sample."""
    own = sorted((site / "policies").glob(f"*{SUFFIX}")) if site else []
    return (own, False) if own else (sorted((BUILTIN / SAMPLE).glob(f"*{SUFFIX}")), True)


def open_files(site: Path | None) -> Files:
    """The documents in files, and every mistake of those that cannot be used."""
    paths, sample = policy_files(site)
    texts, wrong = _texts(paths)
    found = read_files(texts, sample=sample)
    return Files(found.documents, (*wrong, *found.problems), sample)


def check_files(
    site: Path | None, places: Sequence[Path] = (), known: Callable[[str], bool] | None = None
) -> tuple[list[Document], list[Problem]]:
    """The documents in ``places`` (files, folders; else those of the site) and everything that is wrong with them.

    ``known`` tells whether a guideline clause exists; without it the editions do.

    Raises:
        NotFoundError: a place does not exist.
    """
    if missing := [str(place) for place in places if not place.exists()]:
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=", ".join(missing)))
    paths = [
        path for place in places for path in (sorted(place.rglob(f"*{SUFFIX}")) if place.is_dir() else [place])
    ] or policy_files(site)[0]
    texts, wrong = _texts(paths)
    found = read_files(texts)
    wrong += found.problems
    if not texts and not wrong:
        wrong.append(Problem(str(places[0] if places else "policies"), _("文書のファイル(.md)がありません。")))
    known = known or known_clauses(site)
    for document in found.documents.values():
        wrong += unknown_links(document, known)
    return list(found.documents.values()), wrong


def known_clauses(site: Path | None) -> Callable[[str], bool]:
    """Whether a guideline clause exists in an edition that the site has."""
    editions = open_editions(site)
    return lambda clause_id: editions.clause(clause_id) is not None


def open_statutory(site: Path | None) -> StatutoryRules:
    """Which bodies have to have a policy: the ward's own ``policies/statutory.toml``, else the one of the program.

    Raises:
        PolicyError: the file has mistakes.
    """
    own = site / "policies" / STATUTORY if site else None
    path = own if own is not None and own.exists() else BUILTIN / STATUTORY
    texts, wrong = _texts([path])
    if wrong:
        raise PolicyError(wrong)
    return read_statutory(*texts[0])


def open_library(site: Site, editions: Callable[[], Editions] | None = None) -> Library:
    """The documents of a site: its records, and its files, which are read again where they changed."""
    folder = site.folder
    known = editions or watched_editions(folder)
    files = Watched(lambda: policy_files(folder)[0], lambda: open_files(folder))
    return Library(site.desk.policies, files, lambda clause_id: known().clause(clause_id) is not None)


def watched_editions(site: Path) -> Watched[Editions]:
    """The editions of the guideline, read when first asked for and again where a file changed."""
    return Watched(lambda: guideline_files(site), lambda: open_editions(site))


def _texts(paths: Sequence[Path]) -> tuple[list[tuple[str, str]], list[Problem]]:
    found: list[tuple[str, str]] = []
    wrong: list[Problem] = []
    for path in paths:
        data = path.read_bytes()
        if len(data) > MAX_BYTES:
            wrong.append(
                Problem(f"{path}:1", _("ファイルが大きすぎます({limit} バイトまで)。").format(limit=MAX_BYTES))
            )
            continue
        try:
            found.append((str(path), data.decode("utf-8-sig")))
        except UnicodeDecodeError as error:
            what = _("UTF-8 ではありません({byte} バイト目)。UTF-8 で保存し直してください。")
            wrong.append(Problem(f"{path}:1", what.format(byte=error.start + 1)))
    return found, wrong
