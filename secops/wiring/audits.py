"""Reads the files of the audit wing: the item catalogue and how it is scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from secops.errors import AuditError, NotFoundError, Problem
from secops.isms.audit.catalogue import read_catalogue
from secops.isms.audit.mappings import Inspection, read_mappings
from secops.isms.audit.model import Catalogue
from secops.isms.audit.priority import RiskRules, read_risk
from secops.isms.audit.rules import ScoringRules, read_rules
from secops.isms.audit.telemetry import Telemetry, unknown_names
from secops.isms.audit.telemetry_file import read_telemetry
from secops.locale import _
from secops.org.files import open_directory
from secops.org.inventory import decode
from secops.org.model import Department
from secops.schema.dates import JST
from secops.wiring import open_site

# In an installed wheel the data is inside the package, in a checkout at its top.
_PACKED = Path(__file__).parent.parent / "_audits"
BUILTIN = _PACKED if _PACKED.exists() else Path(__file__).parent.parent.parent / "audits"
CATALOGUE = "catalogue"
SCORING = "scoring.toml"
RISK = "risk.toml"
MAPPINGS = "mappings.yml"
TELEMETRY = "telemetry.yml"
SUFFIXES = (".yml", ".yaml")


def audits_folder(site: Path | None, name: str) -> Path:
    """The ward's own folder or file (``audits/<name>`` in the site), else the one that comes with the program."""
    own = site / "audits" / name if site else None
    return own if own is not None and own.exists() else BUILTIN / name


def open_catalogue(site: Path | None = None, places: Sequence[Path] = ()) -> Catalogue:
    """The item catalogue: files and folders in ``places``, else the ward's own, else the one of the program.

    Raises:
        NotFoundError: a place does not exist.
        AuditError: the files have mistakes.
    """
    chosen = list(places) or [audits_folder(site, CATALOGUE)]
    if missing := [str(place) for place in chosen if not place.exists()]:
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=", ".join(missing)))
    return read_catalogue(_read(chosen))


def open_rules(site: Path | None = None) -> ScoringRules:
    """How audits are scored: the ward's own ``audits/scoring.toml``, else the one of the program.

    Raises:
        AuditError: the file has mistakes.
    """
    path = audits_folder(site, SCORING)
    return read_rules(*_read([path])[0])


def told_rules(site: Path | None, actor: str) -> ScoringRules:
    """The same, for scores that somebody computes now: the trail of the site is told where the values are new.

    Raises:
        AuditError: the file has mistakes.
    """
    rules = open_rules(site)
    if site is not None:
        with open_site(site) as opened:
            opened.desk.scoring.tell(rules, actor=actor, now=opened.now())
    return rules


def open_risk(site: Path | None = None) -> RiskRules:
    """What makes a unit be audited earlier: the ward's own ``audits/risk.toml``, else the one of the program.

    Raises:
        AuditError: the file has mistakes.
    """
    path = audits_folder(site, RISK)
    return read_risk(*_read([path])[0])


def open_telemetry(site: Path | None = None) -> Telemetry:
    """The queries over events and alerts: the ward's own ``audits/telemetry.yml``, else the one of the program.

    Raises:
        AuditError: the file has mistakes.
    """
    return read_telemetry(*_read([audits_folder(site, TELEMETRY)])[0])


def checked_catalogue(site: Path | None = None, places: Sequence[Path] = ()) -> Catalogue:
    """The catalogue and the queries that it names, looked at together.

    Raises:
        NotFoundError: a place does not exist.
        AuditError: with every mistake of all files, and every item that names a query that there is not.
    """
    wrong: list[Problem] = []
    catalogue, telemetry = None, None
    try:
        catalogue = open_catalogue(site, places)
    except AuditError as error:
        wrong += error.problems
    try:
        telemetry = open_telemetry(site)
    except AuditError as error:
        wrong += error.problems
    if catalogue is not None and telemetry is not None:
        wrong += unknown_names(catalogue, telemetry.queries)
    if wrong or catalogue is None:
        raise AuditError(wrong)
    return catalogue


def open_mappings(site: Path | None = None) -> list[Inspection]:
    """Other inspections that the same answers serve: the ward's own ``audits/mappings.yml``, else that of the program.

    Raises:
        AuditError: the file has mistakes.
    """
    return read_mappings(*_read([audits_folder(site, MAPPINGS)])[0])


def read_csv(path: Path) -> tuple[str, str]:
    """Name and text of a CSV file as Excel writes it (UTF-8, UTF-16 with BOM, or CP932).

    Raises:
        NotFoundError: no such file.
        InventoryError: none of these encodings.
    """
    if not path.is_file():
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=path))
    return str(path), decode(path.read_bytes(), str(path))


def open_divisions(site: Path | None) -> tuple[dict[str, str], dict[str, str]]:
    """Department → its 部, and department → name, from the inventory of a site; without a site both are empty."""
    if site is None:
        return {}, {}
    opened = open_site(site)
    directory = open_directory(site, opened.settings, opened.now().astimezone(JST).date())
    known = directory.department_by_code
    names = {code: one.name for code, one in known.items()}
    return {code: above for code in known if (above := _bu_of(code, known))}, names


def _bu_of(code: str, known: Mapping[str, Department]) -> str:
    """The 部 that a unit is or belongs to; the inventory has refused circles."""
    while code in known and known[code].level != "bu":
        code = known[code].parent
    return code if code in known else ""


def _read(places: Sequence[Path]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    wrong: list[Problem] = []
    for place in places:
        paths = sorted(p for p in place.rglob("*") if p.suffix in SUFFIXES) if place.is_dir() else [place]
        for path in paths:
            try:
                found.append((str(path), path.read_bytes().decode("utf-8-sig")))
            except UnicodeDecodeError as error:
                what = _("UTF-8 ではありません({byte} バイト目)。UTF-8 で保存し直してください。")
                wrong.append(Problem(f"{path}:1", what.format(byte=error.start + 1)))
    if wrong:
        raise AuditError(wrong)
    return found
