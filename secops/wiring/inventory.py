"""Files that people give to the registers, CSV or Excel: read, checked together with what is there, put in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from secops.errors import ConflictError, InventoryError, Problem, UsageError
from secops.locale import _
from secops.org.checks import resolve
from secops.org.excel import addressed, tables_of
from secops.org.files import open_table, read_inventory, write_inventory
from secops.org.flows import FlowJudge
from secops.org.inventory import Difference, Parsed, combine, decode, difference, parse, recognise, write
from secops.org.model import Directory
from secops.org.tables import TABLES
from secops.org.workbook import LIMITS, is_workbook
from secops.org.zones import ZoneMap
from secops.schema.dates import JST
from secops.settings import Settings
from secops.wiring.apart import sheets_apart
from secops.wiring.site import Site, open_site


@dataclass
class Given:
    """What was given: rows by kind, the text of those that came as CSV, sheets of Excel files that are none.

    ``hidden`` are sheets that were read and that nobody sees in Excel.
    """

    parsed: dict[str, Parsed] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    letters: dict[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Imported:
    """How many rows of each kind were put in place and where, what is odd, sheets left out, hidden ones taken in."""

    rows: Mapping[str, int]
    paths: Sequence[Path]
    warnings: Sequence[str]
    foreign: Sequence[str]
    hidden: Sequence[str] = ()


def read_given(files: Sequence[Path], kind: str | None) -> Given:
    """The files as rows; every mistake in all of them is told together.

    Raises:
        InventoryError: the mistakes.
        UsageError: two files of one kind.
    """
    given = Given()
    problems: list[Problem] = []
    for path in files:
        try:
            _read(path, kind, given)
        except InventoryError as error:
            problems += error.problems
    if problems:
        raise InventoryError(problems)
    return given


def _read(path: Path, kind: str | None, given: Given) -> None:
    if path.stat().st_size > LIMITS.packed:
        text = _("ファイルが大きすぎます({size} MB。{limit} MB まで)。不要なシートや画像を消してください。")
        size = -(-path.stat().st_size >> 20)
        raise InventoryError([Problem(path.name, text.format(size=size, limit=LIMITS.packed >> 20))])
    data = path.read_bytes()
    if is_workbook(data):
        found = tables_of(sheets_apart(path.name, data), path.name, [kind] if kind else ())
        for name, one in found.tables.items():
            _take(given, name, one, path)
        given.foreign += [f"{path.name} {sheet}" for sheet in found.foreign]
        given.hidden += [f"{path.name} {sheet}" for sheet in found.hidden]
        given.letters.update(found.letters)
        return
    text = decode(data, path.name)
    name = kind or recognise(text, path.name)
    _take(given, name, None, path)
    given.texts[name] = text
    given.parsed[name] = parse(text, path.name, name)


def _take(given: Given, kind: str, parsed: Parsed | None, path: Path) -> None:
    if kind in given.parsed:
        raise UsageError(_("種類「{kind}」のファイルが 2 つあります: {file}").format(kind=kind, file=path))
    if parsed is not None:
        given.parsed[kind] = parsed


def import_files(site: Site, files: Sequence[Path], kind: str | None) -> Imported:
    """Check the files together with the registers of the site and put them in place, all or none.

    Raises:
        InventoryError: anything is wrong; nothing was changed.
    """
    given = read_given(files, kind)
    now = site.now()
    directory = _combined(site.folder, site.settings, given, site)
    texts = {name: given.texts.get(name) or write(name, getattr(directory, name)) for name in given.parsed}
    warnings = [str(one) for one in addressed(directory.warnings, given.letters)]
    paths = write_inventory(site.folder, texts, now)
    rows = {name: len(one.rows) for name, one in given.parsed.items()}
    useless = _useless(site.folder, site.settings, directory)
    return Imported(rows, paths, [*warnings, *useless], given.foreign, given.hidden)


def _combined(folder: Path, settings: Settings, given: Given, site: Site) -> Directory:
    present = read_inventory(folder)
    kept = {name: parse(text, f"{name}.csv", name) for name, text in present.items() if name not in given.parsed}
    try:
        return combine(kept | given.parsed, settings, site.now().astimezone(JST).date())
    except InventoryError as error:
        raise InventoryError(addressed(error.problems, given.letters)) from None


def _useless(folder: Path, settings: Settings, directory: Directory) -> list[str]:
    """What to say about flows that were registered in vain."""
    judge = FlowJudge(open_table(folder), settings.site.model, ZoneMap.of(settings), directory.flows)
    text = _("{id}: この系統の間では、この種別の通信は登録しても認められません。secops zones show で確かめてください。")
    return [text.format(id=flow.id) for flow in judge.useless()]


def compare_files(site: Site, files: Sequence[Path], kind: str | None) -> tuple[list[Difference], Given]:
    """What the files would change, and what was given.

    Raises:
        InventoryError: the files have mistakes of their own.
    """
    given = read_given(files, kind)
    present = {name: parse(text, f"{name}.csv", name) for name, text in read_inventory(site.folder).items()}
    old, new = _resolved(present, site.settings), _resolved(present | given.parsed, site.settings)
    return [difference(name, old.get(name, ()), new[name]) for name in given.parsed], given


def _resolved(parsed: Mapping[str, Parsed], settings: Settings) -> dict[str, tuple[object, ...]]:
    rows = {kind: list(zip(one.places, one.rows, strict=True)) for kind, one in parsed.items()}
    return {kind: tuple(row for _place, row in one) for kind, one in resolve(rows, settings).items()}


def make_template(path: Path, kinds: Sequence[str], site: Path | None) -> None:
    """Write an empty Excel for these registers, with the departments and zones of the site to choose from.

    Raises:
        ConflictError: there is a file already.
    """
    from secops.report.register_book import blank_book

    choices: dict[str, list[str]] = {}
    if site is not None:
        opened = open_site(site)
        units = [one for one in opened.directory.departments if one.level not in {"body", "bu"}]
        choices = {"department": [one.name for one in units], "zone": [z.label for z in opened.settings.zones.values()]}
    if path.exists():
        raise ConflictError(_("{path} はすでにあります。別の名前にしてください。").format(path=path))
    path.write_bytes(blank_book([TABLES[kind] for kind in kinds], choices))
