"""Is it all right? received = stored + rejected + dropped + waiting, per source, and what else needs a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from secops.locale import _
from secops.schema.dates import parse_duration
from secops.settings import SourceSettings
from secops.siem.ports import Rule, SourceStatus, Tally

DISK_LOW = 0.10


@dataclass(frozen=True, slots=True)
class ChainState:
    """The journal's chain: segments, the newest sealed one, its digest and when it was sealed."""

    segments: int
    head: str
    sealed_at: datetime | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Disk:
    """Space of the volume the site is on, and what the site's parts use, in bytes."""

    total: int
    free: int
    journal: int
    lake: int

    @property
    def low(self) -> bool:
        """Whether less than a tenth is free."""
        return self.free < self.total * DISK_LOW


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """The whole picture; ``problems`` has one sentence for each thing that needs a person."""

    at: datetime
    site: str
    sources: Sequence[SourceStatus]
    rules_active: int
    rules_inactive: Mapping[str, int]
    chain: ChainState
    disk: Disk
    parts: Mapping[str, str]
    problems: Sequence[str]

    @property
    def ok(self) -> bool:
        """Whether nothing needs a person."""
        return not self.problems


def source_status(
    source: SourceSettings,
    head: int,
    dropped: Mapping[str, int],
    counted: Tally,
    last_received: datetime | None,
    now: datetime,
    problem: str = "",
    listening: datetime | None = None,
    waiting_since: datetime | None = None,
) -> SourceStatus:
    """One source's line; ``head`` is its last sequence number in the journal.

    ``listening`` is since when the collectors run: a source is not called silent before they had time to hear it.
    """
    quiet = parse_duration(source.quiet_after) if source.quiet_after else None
    heard = max((moment for moment in (last_received, listening) if moment), default=None)
    silent = quiet is not None and heard is not None and now - heard > quiet
    return SourceStatus(
        id=source.id,
        name=source.name or source.id,
        zone=source.zone,
        kind=source.kind,
        format=source.format,
        received=head + sum(dropped.values()),
        stored=counted.stored,
        rejected=counted.rejected,
        dropped=dict(dropped),
        waiting=head - counted.stored - counted.rejected,
        last_received=last_received,
        last_event=counted.last_event,
        silent=silent,
        problem=problem,
        lag_s=(now - waiting_since).total_seconds() if waiting_since else 0.0,
        rejected_reasons=dict(counted.rejected_reasons),
    )


def rules_by_state(rules: Sequence[Rule]) -> tuple[int, dict[str, int]]:
    """How many rules are active, and how many are not, by reason."""
    inactive: dict[str, int] = {}
    for rule in rules:
        if not rule.active:
            inactive[rule.reason] = inactive.get(rule.reason, 0) + 1
    return sum(rule.active for rule in rules), dict(sorted(inactive.items(), key=lambda item: -item[1]))


def problems_of(
    sources: Sequence[SourceStatus], chain: ChainState, disk: Disk, parts: Mapping[str, str], rules_active: int
) -> list[str]:
    """One sentence for each thing that needs a person."""
    problems = [
        _("収集元「{name}」から受信がありません。機器と経路を確認してください。").format(name=source.name)
        for source in sources
        if source.silent
    ]
    problems += [f"{source.name}: {source.problem}" for source in sources if source.problem]
    problems += [
        _("処理「{name}」が動いていません({state})。secops run を確認してください。").format(name=name, state=state)
        for name, state in parts.items()
        if state not in {"running", "stopped"}
    ]
    if chain.problem:
        problems.append(chain.problem)
    if disk.low:
        text = _("ディスクの空きが {percent}% です。保存期間を短くするか、容量を増やしてください。")
        problems.append(text.format(percent=int(100 * disk.free / max(1, disk.total))))
    if not rules_active:
        problems.append(_("有効な検知ルールがありません。secops rules check で確認してください。"))
    return problems
