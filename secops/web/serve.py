"""The console's process: the pages of `secops.web` on this site's parts, served by uvicorn."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

from secops.errors import SecopsError
from secops.isms.clauses.trace import Editions
from secops.isms.policy.linking import LinkDesk
from secops.locale import _
from secops.org.files import FOLDER, open_table
from secops.org.flows import FlowJudge
from secops.org.zones import ZoneMap
from secops.siem.detect import SigmaDetector
from secops.siem.detect.coverage import SourceKinds, coverage
from secops.siem.health import SystemStatus
from secops.siem.ports import EventStore, Scope, SeenKind, Span
from secops.web.app import create_app
from secops.web.isms.care import Care
from secops.web.isms.planning import Planning
from secops.web.pages import warm
from secops.web.services import Evidence, Services, Standing
from secops.web.siem.sources import unreadable
from secops.wiring.audits import CATALOGUE, TELEMETRY, audits_folder, open_catalogue, open_telemetry
from secops.wiring.comparison import open_style
from secops.wiring.coverage import sources_of
from secops.wiring.evidence_site import room_of
from secops.wiring.evidence_store import EvidenceStore
from secops.wiring.exceptions import write_exception
from secops.wiring.guideline_room import open_room
from secops.wiring.guidelines import open_editions
from secops.wiring.oidc import HttpProvider
from secops.wiring.papers import papers_of
from secops.wiring.policies import open_library, open_statutory, watched_editions
from secops.wiring.policy_watch import Watch, documents_of, known_clauses, lapsed_for, read_directory, registers_for
from secops.wiring.reminding import reminders_of
from secops.wiring.rounds import all_units, appoint, opening_of, place_of, propose, ranked
from secops.wiring.site import Site
from secops.wiring.status import system_status
from secops.wiring.watched import Watched, files_in
from secops.wiring.word import read_apart

log = logging.getLogger("secops")
STATUS_SECONDS = 3.0
COVERAGE_SECONDS = 600.0  # the look at all events of a month takes seconds
COVERAGE_DAYS = 30
COVERAGE_PATIENCE = 5.0  # how long the first page waits for it
GRACEFUL_SECONDS = 3


def serve(site: Site, stop: threading.Event) -> None:
    """Serve the console until told to stop; ends with 1 where the port is taken (the supervisor tries again)."""
    import uvicorn

    settings = site.settings.web
    here = services(site, stop)
    warm()
    config = uvicorn.Config(
        create_app(here),
        ssl_certfile=settings.tls_certificate or None,
        ssl_keyfile=settings.tls_key or None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    listening = listen(settings.host, settings.port)
    # In a thread of its own uvicorn leaves the signals alone: they set `stop`, for the whole process.
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="uvicorn")
    thread.start()
    threading.Thread(target=_first_look, args=(here.store,), name="first look", daemon=True).start()
    while thread.is_alive() and not stop.wait(0.2):
        pass
    server.should_exit = True
    thread.join()
    if not stop.is_set():
        raise SystemExit(1)


def _first_look(store: EventStore) -> None:
    """Ask the store what the sources' page asks, so that nobody waits for the start of its query engine."""
    with suppress(SecopsError):  # the pages say what is wrong with it
        unreadable(store, Scope())


def listen(host: str, port: int) -> socket.socket:
    """The console's socket; ends the process with 1 where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle on: the body of an answer would wait for the acknowledgement of its head.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        text = _("画面のポート {host}:{port} を使えません({reason})。web.port を変えるか、使用中の側を止めてください。")
        log.error(text.format(host=host, port=port, reason=error.strerror))  # noqa: TRY400 - the reason is in the text
        raise SystemExit(1) from None
    return listening


def services(site: Site, stop: threading.Event) -> Services:
    """What the console may ask of this site."""
    site.desk.accounts.seal_secrets()
    status = _Remembered(site)
    editions = watched_editions(site.folder)
    library = open_library(site, editions)
    store = _LiveStore(site)

    def seen(span: Span, asked: Collection[str]) -> Sequence[SeenKind]:
        return cast("EventStore", store).seen(span, asked)  # of the store of that moment

    return Services(
        settings=site.settings,
        desk=site.desk,
        work=site.desk,
        store=cast("EventStore", store),
        journal=site.journal,
        accounts=site.accounts,
        paging=site.desk.paging,
        rules=lambda: site.rules,
        coverage=_Coverage(lambda: site.detector, seen, site.now, sources=lambda: sources_of(site)),
        sources=lambda: status().sources,
        system=status,
        now=site.now,
        write_exception=lambda text, number: str(write_exception(site, text, number)),
        care=care_of(site),
        papers=papers_of(site),
        rounds=site.desk.rounds,
        audit_work=site.desk.audit_work,
        trail=lambda target: site.desk.trail.entries(target=target),
        review_work=site.desk.review_work,
        guideline=open_room(site, library, editions),
        statutory=lambda: open_statutory(site.folder),
        evidence=_evidence(site, cast("EventStore", store), editions),
        files=EvidenceStore(site.folder),
        ranking=lambda year: ranked(site, year),
        proposed=lambda record, unit, note: propose(site, record, unit, note),
        opening=lambda plan: opening_of(site, plan),
        place=lambda unit: place_of(site.directory, unit),
        planning=Planning(
            units=lambda: all_units(site.directory),
            offices=lambda: [(one.code, one.name) for one in site.directory.departments],
            appoint=lambda plan, unit, person, login: appoint(site, plan, unit, person, login),
        ),
        word=read_apart,
        reminders=reminders_of(site),
        sentences=lambda: _sentences(site.folder),
        links=LinkDesk(library, editions, site.desk.rulings),
        comparison=lambda: open_style(site.folder),
        closing=stop.is_set,
        departments=lambda: [one.name for one in site.directory.departments],
        flows=_Flows(site),
        identity=HttpProvider(site.settings.web.oidc, site.folder) if site.settings.web.oidc.issuer else None,
    )


def care_of(site: Site) -> Care:
    """What the pages of exceptions, reviews and registers may ask of this site."""
    documents = documents_of(site)
    watch = Watch(site, documents)
    directory = Watched(lambda: sorted((site.folder / FOLDER).glob("*.csv")), lambda: read_directory(site))
    return Care(
        waivers=site.desk.waivers,
        lapsed=lambda access: lapsed_for(site, access, directory()),
        calendar=watch.calendar,
        record=watch.record,
        registers=lambda access: registers_for(directory(), access),
        directory=directory,
        clauses=lambda: known_clauses(site, documents),
    )


def _evidence(site: Site, store: EventStore, editions: Callable[[], Editions]) -> Evidence:
    """Items and queries are read anew where their files changed; a page must not wait for it each time."""
    folder = site.folder
    catalogue = Watched(lambda: files_in(audits_folder(folder, CATALOGUE)), lambda: open_catalogue(folder))
    telemetry = Watched(lambda: files_in(audits_folder(folder, TELEMETRY)), lambda: open_telemetry(folder))

    def clause_title(clause_id: str) -> str:
        found = editions().clause(clause_id)
        return found.title if found else ""

    return Evidence(room_of(site, store), site.desk.evidence, catalogue, telemetry, clause_title)


@cache
def _sentences(folder: Path) -> dict[str, str]:
    """Clauses of all editions in one sentence each; they are read once, an edition comes with a new program."""
    return {one.id: one.summary or one.title for edition in open_editions(folder).all for one in edition.clauses}


class _Flows:
    """The judge of connections between zones, made anew when the inventory was read anew."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._made: tuple[object, FlowJudge] | None = None

    def __call__(self) -> FlowJudge:
        with self._lock:
            directory = self._site.directory
            if self._made is None or self._made[0] is not directory:
                zones = ZoneMap.of(self._site.settings)
                table = open_table(self._site.folder)
                self._made = directory, FlowJudge(table, self._site.settings.site.model, zones, directory.flows)
            return self._made[1]


class _LiveStore:
    """The event store of the generation that is live at each call: a replay may swap it under a running console."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        with self._lock:
            if self._site.generation_changed():
                self._site.reopen_store()
            return getattr(self._site.store, name)


class _Remembered:
    """The status of the site, looked up at most once in a few seconds however many pages ask."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._value: SystemStatus | None = None
        self._at = 0.0

    def __call__(self) -> SystemStatus:
        with self._lock:
            if self._value is None or time.monotonic() - self._at > STATUS_SECONDS:
                # What cannot be used is said by the worker; the console goes on showing the rules in force.
                with suppress(SecopsError):
                    self._site.refresh()
                self._value, self._at = system_status(self._site), time.monotonic()
            return self._value


class _Coverage:
    """How the rules stand, looked up anew after some minutes and whenever the rulebook changed.

    The look runs behind the pages: who asks meanwhile gets what is known of these rules, and where nothing is, after
    a short wait, what the rulebook alone tells.
    """

    def __init__(
        self,
        detector: Callable[[], SigmaDetector],
        seen: Callable[[Span, Collection[str]], Sequence[SeenKind]],
        now: Callable[[], datetime],
        seconds: float = COVERAGE_SECONDS,
        patience: float = COVERAGE_PATIENCE,
        sources: Callable[[], Sequence[SourceKinds]] = lambda: (),
    ) -> None:
        self._detector = detector
        self._seen = seen
        self._now = now
        self._seconds = seconds
        self._patience = patience
        self._sources = sources
        self._lock = threading.Lock()
        self._looking: threading.Event | None = None  # set when the look is over
        self._known: tuple[SigmaDetector, float, Standing] | None = None  # of which rules, looked up when

    def __call__(self) -> Standing:
        known, detector = self._known, self._detector()
        if known is None or known[0] is not detector:
            self._begin().wait(self._patience)
            known = self._known
            if known is None or known[0] is not detector:
                return Standing(self._now(), detector.rules, coverage(detector, None), complete=False)
        elif time.monotonic() - known[1] >= self._seconds:
            self._begin()
        return known[2]

    def _begin(self) -> threading.Event:
        with self._lock:
            if self._looking is None or self._looking.is_set():
                self._looking = threading.Event()
                threading.Thread(target=self._look, args=(self._looking,), name="coverage", daemon=True).start()
            return self._looking

    def _look(self, over: threading.Event) -> None:
        try:
            detector, now = self._detector(), self._now()
            seen = self._seen(Span(since=now - timedelta(days=COVERAGE_DAYS)), detector.wanted)
            found = coverage(detector, seen, self._sources())
            self._known = (detector, time.monotonic(), Standing(now, detector.rules, found))
        except SecopsError:
            log.exception("coverage")
        finally:
            over.set()
