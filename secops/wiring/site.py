"""A site folder and its parts, opened when first asked for and closed together."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property, partial
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from secops.errors import ConflictError, NotFoundError, SecopsError, UsageError
from secops.locale import _
from secops.schema.severity import Severity
from secops.schema.text import is_name
from secops.settings import FILE_NAME, Settings, load
from secops.wiring.clock import now
from secops.wiring.rules import BUILTIN, current_folder, read_pipeline_files, read_rule_files

if TYPE_CHECKING:
    from secops.access.ports import Accounts
    from secops.org.model import Directory
    from secops.siem.detect import SigmaDetector
    from secops.siem.journal import Journal
    from secops.siem.pipeline import Stages
    from secops.siem.ports import Rule
    from secops.siem.triage.identity import Assets
    from secops.store.records import Records
    from secops.wiring.stores import GenerationStore, Stores

LOOK_SECONDS = 5.0


def create_site(folder: Path, *, site_id: str | None = None, name: str = "〇〇区", settings: str | None = None) -> None:
    """Make a site folder: settings, journal, lake, records, keys; owner-only.

    ``settings`` is the text of ``secops.toml`` where the caller wrote one (the demo ward).

    Raises:
        ConflictError: there is a site already.
        UsageError: the id cannot be part of an event id.
    """
    from secops.siem.journal import create_journal, create_keys

    site_id = site_id or folder.resolve().name.lower()
    if not is_name(site_id):
        text = _("id「{id}」は使えません。英小文字・数字・ハイフンで --id に指定してください。")
        raise UsageError(text.format(id=site_id))
    if (folder / FILE_NAME).exists():
        raise ConflictError(_("{folder} にはすでにサイトがあります。").format(folder=folder))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for part in ("lake", "inventory", "run", "rules"):
        (folder / part).mkdir(mode=0o700, exist_ok=True)
    # A call that was cut short is repeated: what it made is kept, above all the key.
    if not (folder / "keys").exists():
        create_keys(folder / "keys")
    if not (folder / "journal").exists():
        create_journal(folder / "journal", site_id, now())
    template = files("secops").joinpath("site_template.toml").read_text(encoding="utf-8")
    text = settings if settings is not None else template.format(id=site_id, name=name.replace('"', ""))
    # Last, and in one step: a folder with secops.toml is a whole site.
    fresh = folder / f".{FILE_NAME}.new"
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(folder / FILE_NAME)
    with open_site(folder) as site:
        site.create_stores()


def open_site(folder: Path) -> Site:
    """Open a site; its settings are read now, everything else when it is asked for.

    Raises:
        SettingsError: ``secops.toml`` is missing or has mistakes.
    """
    return Site(folder.resolve(), load(folder))


class Site:
    """One site's settings and parts; a context manager that closes what was opened."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings
        self._close: list[Callable[[], object]] = []
        self._known: dict[str, tuple[int, int]] | None = None
        self._looked = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every part that was opened, the last one first."""
        while self._close:
            with suppress(Exception):
                self._close.pop()()

    def create_stores(self) -> None:
        """Make the lake and the records of a new site."""
        _parts = self.store, self.desk

    def now(self) -> datetime:
        """The real clock, in UTC."""
        return now()

    @cached_property
    def journal(self) -> Journal:
        """The journal, for writing and reading; it cannot sign."""
        from secops.siem.journal import Journal

        journal = Journal(self.folder / "journal")
        self._close.append(journal.close)
        return journal

    @cached_property
    def sealing_journal(self) -> Journal:
        """The journal with the signing key: for the keeper alone."""
        from secops.siem.journal import Journal

        journal = Journal(self.folder / "journal", self.folder / "keys")
        self._close.append(journal.close)
        return journal

    @cached_property
    def stores(self) -> Stores:
        """The generations of the event store."""
        from secops.wiring.stores import Stores

        return Stores(self.folder, self.settings)

    @cached_property
    def store(self) -> GenerationStore:
        """The event store, in the generation that is now live."""
        store = self.stores.open()
        self._close.append(store.close)
        return store

    @property
    def generation(self) -> str:
        """The generation of the event store that this process has open."""
        return self.store.generation

    def generation_changed(self) -> bool:
        """Whether a replay swapped in a newer generation since this one was opened."""
        return self.stores.current() != self.generation

    def reopen_store(self) -> None:
        """Open the store anew at its next use: after an error, or when a replay swapped generations."""
        store = self.__dict__.pop("store", None)
        if store is not None:
            with suppress(Exception):
                store.close()

    @cached_property
    def desk(self) -> Records:
        """Hits, alerts and positions."""
        from secops.access.ports import LoginPolicy, Role, SessionLimits
        from secops.store.records import open_records
        from secops.wiring.factor_key import box_of

        web = self.settings.web
        limits = SessionLimits(timedelta(minutes=web.session_minutes), timedelta(hours=web.session_hours))
        policy = LoginPolicy(web.password_length, frozenset(map(Role, web.second_factor)))
        place = self.settings.records.url or self.folder / "records.db"
        records = open_records(
            place, lambda: self.rules, self._assets, limits, self._page_from(), policy, box_of(self.folder)
        )
        self._close.append(records.dispose)
        return records

    def _page_from(self) -> Severity | None:
        notify = self.settings.notify
        return Severity.parse(notify.level) if notify.enabled else None

    def _assets(self) -> Assets:
        """Devices and systems whose alerts weigh more."""
        from secops.siem.triage.identity import Assets

        devices = self.directory.devices
        return Assets(devices=frozenset(device.name for device in devices if device.importance == "high"))

    @property
    def accounts(self) -> Accounts:
        """Users and sessions, in the same database."""
        return self.desk.accounts

    @cached_property
    def detector(self) -> SigmaDetector:
        """All rules of the site, compiled; from the cache where nothing changed."""
        return self.detector_with(self.rule_files())

    def detector_with(self, files: Sequence[tuple[str, str]]) -> SigmaDetector:
        """A detector of other rule files, with all else as in this site."""
        from secops.siem.detect.load import load_detector

        return load_detector(
            files,
            (BUILTIN / "logsources.yml").read_text(encoding="utf-8"),
            self.folder / "run" / "cache",
            self.settings.rules.disabled,
            placeholders=self.settings.rules.placeholders,
            pipelines=self.pipeline_files(),
        )

    @property
    def rules(self) -> Sequence[Rule]:
        """The rules, active and inactive."""
        return self.detector.rules

    def rule_files(self) -> list[tuple[str, str]]:
        """(path, text) of every rule file: the builtin ones, the site's own ``rules/``, and the configured folders."""
        folders = self._rule_folders()
        missing = [str(folder) for folder in folders[1:] if not folder.exists() and folder != self.folder / "rules"]
        if missing:
            raise NotFoundError(_("ルールのフォルダがありません: {folders}").format(folders=", ".join(missing)))
        return read_rule_files(folder for folder in folders if folder.exists())

    def pipeline_files(self) -> list[tuple[str, str]]:
        """(path, text) of the processing pipelines in the settings."""
        return read_pipeline_files(self._pipelines())

    def _pipelines(self) -> list[Path]:
        return [self.folder / text for text in self.settings.rules.pipelines]

    def _rule_folders(self) -> list[Path]:
        own = [self.folder / "rules", *(self.folder / text for text in self.settings.rules.folders)]
        imported = current_folder(self.folder)
        own += [imported] if imported else []
        return [BUILTIN, *own] if self.settings.rules.builtin else own

    @cached_property
    def directory(self) -> Directory:
        """Whom we protect: departments, staff, devices, systems and registered flows."""
        from secops.org.files import open_directory

        return open_directory(self.folder, self.settings, now().date())

    @cached_property
    def stages(self) -> Stages:
        """What the main road does to frames in this site."""
        from secops.org.files import open_table
        from secops.siem.enrich import enrich, make_context, mask, mask_text
        from secops.siem.pipeline import Stages

        self._known = self._known or self._inputs()
        context = make_context(self.settings, self.directory, open_table(self.folder))
        return Stages(self.detector, partial(enrich, context=context), mask, mask_text)

    def refresh(self) -> bool:
        """Take up rules, inventory and flow table where their files changed; looks at most every few seconds.

        Raises:
            SecopsError: what was written cannot be used; what was loaded before stays in force until it is mended.
        """
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return False
        self._looked = time.monotonic()
        found = self._inputs()
        if found == self._known:
            return False
        first, self._known = self._known is None, found
        if first:
            return False
        before: dict[str, Any] = {
            name: self.__dict__.pop(name) for name in ("detector", "directory", "stages") if name in self.__dict__
        }
        try:
            _loaded = self.stages
        except SecopsError:
            self.__dict__.update(before)
            raise
        self.desk.use_rules(lambda: self.rules, self._assets)
        return True

    def _inputs(self) -> dict[str, tuple[int, int]]:
        """Path → time and size of every file that people write while the program runs."""
        places = [*self._rule_folders(), *self._pipelines(), self.folder / "inventory", self.folder / "flows.toml"]
        files = [path for place in places for path in (place.rglob("*") if place.is_dir() else [place])]
        stats = {str(path): path.stat() for path in files if path.is_file()}
        return {name: (stat.st_mtime_ns, stat.st_size) for name, stat in stats.items()}

    @property
    def address(self) -> str:
        """Where the console is opened."""
        scheme = "https" if self.settings.web.tls_certificate else "http"
        return f"{scheme}://{self.settings.web.host}:{self.settings.web.port}/"

    def free_space(self) -> tuple[int, int]:
        """(total, free) bytes of the volume the site is on."""
        usage = shutil.disk_usage(self.folder)
        return usage.total, usage.free
