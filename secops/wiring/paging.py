"""Paging as it runs: looks after the program itself, makes messages of notices, and sends them.

One thread looks and plans, one more for each channel sends, so that a channel that hangs delays no other. They run in
the keeper's process (or the supervisor's, where there is no keeper: `standin`), beside its other work. Only the process
that holds the lock ``notify`` pages.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from secops.errors import ConflictError, JournalError, SecopsError
from secops.notify import message as words
from secops.notify import plan
from secops.notify.channel import Channel, SendError
from secops.notify.command import Command
from secops.notify.conditions import Measures, Watch, judge
from secops.notify.mail import Mail
from secops.settings_notify import ChannelSettings
from secops.siem.ports import Outgoing, PageDesk, Scope
from secops.wiring.chain import EVERY_SECONDS, chain_problem, look
from secops.wiring.ends import beat, recent_ends
from secops.wiring.locks import held, parts_running
from secops.wiring.site import Site
from secops.wiring.status import source_statuses

log = logging.getLogger("secops")
LOCK = "notify"
PLAN_SECONDS = 1.0
LOOK_SECONDS = 10.0
CHAIN_FIRST_SECONDS = 60.0
RETRY_SECONDS = 5.0
STOP_SECONDS = 5.0
AT_ONCE = 20


def make_channel(settings: ChannelSettings, folder: Path) -> Channel:
    """The way out that the settings describe."""
    return Mail(settings, folder) if settings.kind == "mail" else Command(settings, folder)


def send_due(desk: PageDesk, channel: str, way: Channel, site: str, now: Callable[[], datetime]) -> int:
    """Send the messages of a channel whose turn it is; returns how many were handed over."""
    sent = 0
    for one in desk.due(channel, now(), AT_ONCE):
        sent += send(desk, one, way, site, now)
    return sent


def send(desk: PageDesk, one: Outgoing, way: Channel, site: str, now: Callable[[], datetime]) -> bool:
    """Try once, and record it. A program killed in between sends it again, with the same mark."""
    try:
        said, ok = way.send(words.from_plain(one.content), one.address, mark(site, one)), True
    except SendError as error:
        said, ok = str(error), False
    except Exception as error:
        log.exception("notify: %s", one.channel)
        said, ok = f"{type(error).__name__}: {error}", False
    moment = now()
    again = None if ok else plan.next_try(one.attempts + 1, moment)
    desk.attempted(one, ok=ok, text=said, next_at=again, now=moment)
    return ok


def mark(site: str, one: Outgoing) -> str:
    """What a message is recognised by; the time in it tells it from one of a database that was put back."""
    return f"secops.{site}.{one.id}.{int(one.created.timestamp() * 1_000_000):x}"


def measure(site: Site, now: datetime, stuck: Sequence[str] = ()) -> Measures:
    """What there is to judge at this moment. A journal that cannot be read is a finding, not a reason not to look."""
    total, free = site.free_space()
    sources, broken = None, chain_problem(site.folder)
    try:
        sources = source_statuses(site)
    except JournalError as error:
        broken = str(error)
    return Measures(
        at=now,
        sources=sources,
        free=free / max(1, total),
        chain=broken,
        ends=recent_ends(site.folder, now),
        parts=parts_running(site.folder, site.settings),
        stuck=stuck,
        certificate=_certificate_end(site),
        failing=site.desk.paging.counts().failing,
    )


def _certificate_end(site: Site) -> datetime | None:
    from cryptography.x509 import load_pem_x509_certificate

    name = site.settings.web.tls_certificate
    try:
        return load_pem_x509_certificate((site.folder / name).read_bytes()).not_valid_after_utc if name else None
    except (OSError, ValueError):
        return None  # the console says so: it cannot start without


class Pager:
    """Looks and plans; what it finds to send is left to `senders`."""

    def __init__(self, site: Site, watch: Watch | None = None, stuck: Callable[[], Sequence[str]] = lambda: ()) -> None:
        self._site = site
        self._stuck = stuck
        self._planner = plan.Planner(site.settings)
        self._watch = watch or Watch()
        self._look_due = 0.0
        self._chain_due = time.monotonic() + CHAIN_FIRST_SECONDS
        self._chain: threading.Thread | None = None

    def turn(self, now: datetime) -> None:
        """Do what is due; what fails is said and tried again, and the rest goes on."""
        if time.monotonic() >= self._look_due:
            self._look_due = time.monotonic() + LOOK_SECONDS
            _try("conditions", lambda: self.look(now))
        if time.monotonic() >= self._chain_due and not (self._chain and self._chain.is_alive()):
            self._chain_due = time.monotonic() + EVERY_SECONDS
            self._chain = threading.Thread(target=self._look_at_chain, args=(now,), name="chain", daemon=True)
            self._chain.start()
        _try("outbox", lambda: self.plan(now))

    def _look_at_chain(self, now: datetime) -> None:
        _try("chain", lambda: look(self._site.folder, now))

    def look(self, now: datetime) -> None:
        """Begin and end conditions."""
        desk = self._site.desk.paging
        going = desk.conditions(Scope(), open_only=True, limit=10_000)
        keys = [(one.kind, one.subject) for one in going]
        held_now = judge(measure(self._site, now, self._stuck()), self._site.settings.notify, keys)
        desk.settle(*self._watch.changes(held_now, going, now), now)

    def plan(self, now: datetime) -> None:
        """Make messages, and settle those that are not needed or too old."""
        desk = self._site.desk.paging
        if self._site.settings.notify.enabled:
            desk.advance(lambda notices, last: self._planner.decide(notices, last, now), now)
        desk.sweep(now, now - plan.GIVE_UP)


def _try(what: str, work: Callable[[], object]) -> None:
    try:
        work()
    except (SecopsError, OSError) as error:
        log.error("notify: %s: %s", what, error)  # noqa: TRY400 - the message says it all


@contextmanager
def paging(
    site: Site, needed: Callable[[], bool] = lambda: True, stuck: Callable[[], Sequence[str]] = lambda: ()
) -> Iterator[None]:
    """Page from other threads while inside, as long as it is ``needed``; ``stuck`` names parts that do nothing."""
    stop = threading.Event()
    thread = threading.Thread(target=_run, args=(site, stop, needed, stuck), name="notify", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_SECONDS)  # a channel that hangs is left behind: what it sends is sent again


def _run(site: Site, stop: threading.Event, needed: Callable[[], bool], stuck: Callable[[], Sequence[str]]) -> None:
    """Wait for the turn of this process, and page."""
    while not stop.is_set():
        if needed():
            try:
                with held(site.folder, LOCK):
                    _page(site, stop, needed, stuck)
            except ConflictError:
                pass  # another process does
            except Exception:
                log.exception("notify")
        stop.wait(RETRY_SECONDS)


def _page(site: Site, stop: threading.Event, needed: Callable[[], bool], stuck: Callable[[], Sequence[str]]) -> None:
    # A site of its own: parts of the keeper's belong to the keeper's thread.
    with Site(site.folder, site.settings) as own:
        over = threading.Event()
        senders = [
            threading.Thread(target=_sender, args=(own, one, over), name=f"notify-{one.id}", daemon=True)
            for one in own.settings.notify.channels
        ]
        _parts = own.desk, own.journal  # opened once, before threads share them
        for sender in senders:
            sender.start()
        pager = Pager(own, stuck=stuck)
        try:
            while needed() and not stop.is_set():
                pager.turn(own.now())
                beat(own.folder)
                stop.wait(PLAN_SECONDS)
        finally:
            over.set()
            for sender in senders:
                sender.join(STOP_SECONDS / 2)


def _sender(site: Site, settings: ChannelSettings, over: threading.Event) -> None:
    way = make_channel(settings, site.folder)
    while not over.is_set():
        _try(settings.id, lambda: send_due(site.desk.paging, settings.id, way, site.settings.site.id, site.now))
        over.wait(PLAN_SECONDS)
