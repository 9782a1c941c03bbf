"""Imports an official guideline text of the ward as an edition file of its site."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from secops.errors import ConflictError, NotFoundError, PolicyError, Problem, UsageError
from secops.isms.clauses.adopt import Adopted, adopt, compared_with
from secops.isms.clauses.edition_file import write_edition
from secops.isms.clauses.editions import read_editions
from secops.isms.clauses.ids import tail_of
from secops.isms.clauses.official import Recognised, recognise
from secops.isms.clauses.pieces import read_pieces
from secops.locale import _
from secops.wiring.guidelines import BUILTIN, GUIDELINES, guideline_files, read_files

_EDITION = re.compile(r"(?:([a-z][a-z0-9]*)-)?(\d{4}-(?:0[1-9]|1[0-2]))", re.ASCII)


@dataclass(frozen=True)
class Imported:
    """What an official text became: the file to write and where, what was understood, what was not."""

    path: Path
    text: str
    recognised: Recognised
    adopted: Adopted
    remarks: tuple[str, ...]


def import_guideline(
    file: Path, edition: str, *, site: Path | None = None, output: Path | None = None, title: str = ""
) -> Imported:
    """Read an official text; nothing is written yet.

    Raises:
        NotFoundError: no such file.
        UsageError: no such edition name, or neither a site nor an output file.
        PolicyError: the file cannot be read, or has no clauses.
    """
    if not file.is_file():
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=file))
    named = _EDITION.fullmatch(edition)
    if not named:
        raise UsageError(_("--edition は 2025-03 のように、公表の年と月で指定してください。"))
    edition_id = f"{named[1] or 'mic'}-{named[2]}"
    if output is None and site is None:
        raise UsageError(_("書き出し先を -o で指定するか、--site でサイトを指定してください。"))
    source = read_pieces(str(file), file.read_bytes())
    shipped = read_editions(read_files(sorted((BUILTIN / GUIDELINES).glob("*.yml"))))
    base = compared_with(shipped, edition_id, named[2])
    titles = {tail_of(one.id): one.title for one in base.clauses} if base else {}
    found = recognise(source.pieces, titles)
    if not found.nodes:
        what = _("条項が一つも見つかりません。「1 組織体制」「6.1 …」「(1) …」のような番号の行が要ります。")
        raise PolicyError([Problem(str(file), what)])
    adopted = adopt(found, edition_id, named[2], title, base)
    folder = (site or Path()) / "policies" / GUIDELINES
    path = output or folder / f"{edition_id}.yml"
    return Imported(path, write_edition(adopted.edition), found, adopted, source.remarks)


def write_import(imported: Imported, site: Path | None, *, force: bool = False) -> None:
    """Write the edition file, once it is sure that it can be read together with the others.

    Raises:
        ConflictError: there is such a file already.
        PolicyError: the editions would not fit together.
    """
    path = imported.path
    if path.exists() and not force:
        raise ConflictError(_("{path} はすでにあります。置き換えるときは --force を付けてください。").format(path=path))
    others = [one for one in guideline_files(site) if one.stem != path.stem and one != path]
    read_editions([*read_files(others), (str(path), imported.text)])
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(imported.text, encoding="utf-8")
    fresh.replace(path)
