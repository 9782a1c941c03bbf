"""Is it all right? received = stored + rejected + dropped + waiting, per source, and what else needs a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from secops.locale import _
from secops.schema.dates import parse_duration, screen
from secops.settings import SourceSettings
from secops.siem.ports import FilterCount, PagingCounts, Rule, RuleFilter, SourceStatus, Tally

DISK_LOW = 0.10
CHANNEL_PATIENCE = timedelta(minutes=10)  # a try that failed once is no trouble yet


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
class StoreState:
    """The event store: its ``kind``, and whether it takes events.

    ``away`` says why it does not (empty: it does), ``since`` when that began, where somebody tried to write. ``cut``
    and ``refused`` are those of `secops.siem.ports.StoreStats`.
    """

    kind: str = "lake"
    away: str = ""
    since: datetime | None = None
    cut: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class FilterState:
    """An exception (Sigma filter) as people look after it.

    ``state`` is ``active``, ``ended`` (its last day ``expires`` is over) or ``broken`` (``problem`` says why it does
    not filter). ``rules`` are the ids of what it bears on, ``every`` if it names none but a logsource. ``suppressed``
    hits since the site was made, the ``last`` received then; ``by_rule`` has them by rule.
    """

    id: str
    title: str
    title_ja: str
    state: str
    problem: str
    owner: str
    reason: str
    expires: date | None
    rules: Sequence[str]
    every: bool
    keeps_only: bool
    path: str
    suppressed: int = 0
    first: datetime | None = None
    last: datetime | None = None
    by_rule: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CorrelationHealth:
    """How correlations stand: rules at work, groups and inputs kept, inputs that wait for the keeper.

    ``watermark`` is the event time up to which all verdicts stand, None before there is one. ``late``, ``evicted`` and
    ``ungrouped`` inputs by rule id, since the site was made (see `secops.siem.ports.CorrelationCounts`).
    """

    rules: int = 0
    groups: int = 0
    inputs: int = 0
    waiting: int = 0
    watermark: datetime | None = None
    late: Mapping[str, int] = field(default_factory=dict)
    evicted: Mapping[str, int] = field(default_factory=dict)
    ungrouped: Mapping[str, int] = field(default_factory=dict)

    def lag_s(self, now: datetime) -> float | None:
        """How many seconds the watermark is behind; None before there is one."""
        return (now - self.watermark).total_seconds() if self.watermark else None


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
    filters: Sequence[FilterState] = ()
    correlation: CorrelationHealth = field(default_factory=CorrelationHealth)
    paging: PagingCounts = field(default_factory=PagingCounts)
    store: StoreState = field(default_factory=StoreState)

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


def filter_states(filters: Sequence[RuleFilter], counts: Iterable[FilterCount], now: datetime) -> list[FilterState]:
    """Exceptions with what they suppressed; those that need a person first."""
    of_filter: dict[str, list[FilterCount]] = {}
    for count in counts:
        of_filter.setdefault(count.filter_id, []).append(count)
    states = [_filter_state(one, of_filter.get(one.id, []), now) for one in filters]
    return sorted(states, key=lambda one: (one.state == "active", one.state, -one.suppressed, one.id))


def _filter_state(one: RuleFilter, counts: Sequence[FilterCount], now: datetime) -> FilterState:
    return FilterState(
        id=one.id,
        title=one.title,
        title_ja=one.title_ja,
        state="broken" if one.problem else "active" if one.in_force(now) else "ended",
        problem=one.problem,
        owner=one.owner,
        reason=one.grounds,
        expires=one.expires,
        rules=one.rules,
        every=one.every,
        keeps_only=one.keeps_only,
        path=one.path,
        suppressed=sum(count.count for count in counts),
        first=min((count.first for count in counts), default=None),
        last=max((count.last for count in counts), default=None),
        by_rule={count.rule_id: count.count for count in counts},
    )


def filter_problems(filters: Iterable[FilterState]) -> list[str]:
    """One sentence for each exception that does not filter."""
    ended = _("例外「{name}」は {day} で期限が切れ、抑止していません。延長するか、ファイルを消してください({path})。")
    broken = _("例外「{name}」は誤りがあり、抑止していません({path}): {problem}")
    return [
        (broken if one.state == "broken" else ended).format(
            name=one.title_ja, day=one.expires, path=one.path, problem=one.problem
        )
        for one in filters
        if one.state != "active"
    ]


def paging_problems(counts: PagingCounts, now: datetime) -> list[str]:
    """What nobody answered, what was never delivered, and which channels fail."""
    problems = [_unanswered(counts)] if counts.unanswered else []
    if counts.given_up:
        text = _("一日のあいだ送れず、断念した通知が {n} 件あります。secops notify list で確かめてください。")
        problems.append(text.format(n=counts.given_up))
    for channel, since in counts.failing.items():
        if now - since >= CHANNEL_PATIENCE:
            text = _("通知手段「{channel}」で送れていません。secops notify list で理由を確かめてください。")
            problems.append(text.format(channel=channel))
    return problems


def _unanswered(counts: PagingCounts) -> str:
    """What to do about pages that the whole rota left alone: somebody has to be reached in another way, now."""
    text = _(
        "全員に通知しても応答のないものが {n} 件あります({which})。当番に電話で知らせてください。アラートは"
        "「secops alerts assign 番号 --to 利用者名」か画面で担当を決めると、稼働の異常は"
        "「secops notify confirm --condition 番号」で、この表示が消えます。"
    )
    alerts, conditions = counts.unanswered_alerts, counts.unanswered_conditions
    named = [_("アラート {n}").format(n=", ".join(map(str, alerts)))] if alerts else []
    named += [_("稼働の異常 {n}").format(n=", ".join(map(str, conditions)))] if conditions else []
    more = "…" if counts.unanswered > len(alerts) + len(conditions) else ""
    return text.format(n=counts.unanswered, which=_("、").join(named) + more)


def store_problem(store: StoreState) -> str:
    """What is wrong with the event store, and what goes on without it; '' where nothing is."""
    if not store.away:
        return ""
    if store.since is None:
        text = _("検索用データの保管先に接続できません。収集は続いています。{reason}")
        return text.format(reason=store.away)
    text = _(
        "検索用データに {since} から書き込めません。収集と検知は続いていて、直れば自動で追いつきます。"
        "それまで検索には新しい記録が出ません。{reason}"
    )
    return text.format(since=screen(store.since), reason=store.away)


def problems_of(
    sources: Sequence[SourceStatus],
    chain: ChainState,
    disk: Disk,
    parts: Mapping[str, str],
    rules_active: int,
    filters: Sequence[FilterState] = (),
    store: StoreState | None = None,
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
    if store and (said := store_problem(store)):
        problems.append(said)
    if chain.problem:
        problems.append(chain.problem)
    if disk.low:
        text = _("ディスクの空きが {percent}% です。保存期間を短くするか、容量を増やしてください。")
        problems.append(text.format(percent=int(100 * disk.free / max(1, disk.total))))
    if not rules_active:
        problems.append(_("有効な検知ルールがありません。secops rules check で確認してください。"))
    return problems + filter_problems(filters)
