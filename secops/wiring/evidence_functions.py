"""The queries that are no plain count: each takes what is asked and gives values by name (`telemetry.FUNCTIONS`).

Rows are parts of a paper: Japanese in every language. A value that cannot be reckoned (a median of nothing) is left
out; whether a source was there is not decided here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from statistics import median

from secops.isms.audit.telemetry import Query, Value, Within
from secops.isms.policy.exceptions import Kind, Phase, State, Waiver
from secops.org.model import DEVICE_KINDS, Device
from secops.query import write
from secops.schema.dates import JST
from secops.siem.ports import Handled
from secops.wiring.evidence_asking import NAMED, Ahead, Asking, base, hours_between, own_account, short

MAX_DATASETS = 40
MAX_VERSIONS = 24


@dataclass(frozen=True, slots=True)
class Result:
    """Values by name, the same by zone, the whole search (empty: no events were asked for), rows."""

    values: Mapping[str, Value]
    zones: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    asked: str = ""
    rows: Sequence[Mapping[str, str]] = ()
    notes: Sequence[str] = ()


def coverage(asking: Asking, _query: Query) -> Result:
    """Terminals and servers in the inventory, and which of them sent anything."""
    kinds = {"terminal", "server"}
    mine = [one for one in asking.devices() if one.kind in kinds]
    mine += [Device(one, asking.system.zone, kind="server") for one in asking.strays() if asking.system]
    asked = asking.text(NAMED, Within.WARD)
    heard = {short(name) for (name,), _count in asking.tally(asked, ("host.name",)) if name}
    seen = [one for one in mine if short(one.name) in heard]
    silent = sorted((one for one in mine if short(one.name) not in heard), key=lambda one: (one.zone, one.name))
    values: dict[str, Value] = {"registered": len(mine), "seen": len(seen), "silent": len(silent)}
    if mine:
        values["percent"] = round(100 * len(seen) / len(mine), 1)
    known, heard_from = Counter(one.zone for one in mine), Counter(one.zone for one in seen)
    rows = [
        {
            "届かない機器": one.name,
            "系統": asking.ports.zone_label(one.zone),
            "種別": DEVICE_KINDS[one.kind],
        }
        for one in silent
    ]
    zones = {zone: {"registered": known[zone], "seen": heard_from[zone]} for zone in asking.zones()}
    return Result(values, zones, asked, rows)


def gaps(asking: Asking, query: Query) -> Result:
    """Days without anything by dataset, from the first day on which it came."""
    asked = asking.text("*:*", query.within)
    found = [name for (name,), _count in asking.tally(asked, ("event.dataset",)) if name]
    rows, missing, longest = [], 0, 0.0
    shown = {name: f'event.dataset:"{name}"' for name in found[:MAX_DATASETS]}
    asking.ahead(Ahead(one, query.within, hours=True) for one in shown.values())
    for name, search in shown.items():
        hours = [at for at, _count in asking.hours(asking.text(search, query.within))]
        days = {at.astimezone(JST).date() for at in hours}
        last = (asking.until - timedelta(microseconds=1)).astimezone(JST).date()
        gone = (last - min(days)).days + 1 - len(days)
        gap = hours_between(hours, asking.until)
        missing, longest = missing + gone, max(longest, gap)
        rows.append(
            {
                "ログの種類": name,
                "届いた日": str(len(days)),
                "届かない日": str(gone),
                "最も長い途切れ(時間)": f"{gap:.0f}",
                "最後に届いた日": max(days).isoformat(),
            }
        )
    rows.sort(key=lambda row: -int(row["届かない日"]))
    values: dict[str, Value] = {"datasets": len(found), "days_without": missing, "longest_hours": round(longest)}
    return Result(values, {}, asked, rows)


def alert_times(asking: Asking, query: Query) -> Result:
    """How long the department's alerts took to be answered and to be closed."""
    found = asking.alerts()
    answered = [(one.acknowledged - one.opened) / timedelta(minutes=1) for one in found if one.acknowledged]
    closed = [(one.closed - one.opened) / timedelta(hours=1) for one in found if one.closed]
    days = query.options.get("days", 14)
    assert isinstance(days, int)
    late = asking.ports.now() - timedelta(days=days)
    values: dict[str, Value] = {
        "alerts": len(found),
        "acknowledged": len(answered),
        "closed": len(closed),
        "waiting": sum(one.acknowledged is None and one.closed is None for one in found),
        "overdue": sum(one.closed is None and one.opened < late for one in found),
    }
    if answered:
        values |= {"ack_median": round(median(answered), 1), "ack_worst": round(max(answered), 1)}
    if closed:
        values["close_median"] = round(median(closed), 1)
    return Result(values, rows=[_line(some, with_time=True) for some in _by_rule(found)])


def alerts_by_rule(asking: Asking, _query: Query) -> Result:
    """The department's alerts by rule."""
    found = asking.alerts()
    rules = _by_rule(found)
    values = {"alerts": len(found), "open": sum(one.closed is None for one in found), "rules": len(rules)}
    return Result(values, rows=[_line(some) for some in rules])


def cases(asking: Asking, _query: Query) -> Result:
    """What people of the department reported (alerts without a rule)."""
    found = [one for one in asking.alerts() if not one.rule_id]
    answered = [(one.acknowledged - one.opened) / timedelta(minutes=1) for one in found if one.acknowledged]
    values: dict[str, Value] = {"cases": len(found), "open": sum(one.closed is None for one in found)}
    if answered:
        values["ack_median"] = round(median(answered), 1)
    return Result(values)


def _by_rule(found: Iterable[Handled]) -> list[list[Handled]]:
    rules: dict[str, list[Handled]] = {}
    for one in found:
        rules.setdefault(one.rule_id, []).append(one)
    return sorted(rules.values(), key=lambda some: (-len(some), some[0].rule_id))


def _line(some: Sequence[Handled], *, with_time: bool = False) -> dict[str, str]:
    row = {
        "検知ルール": some[0].title if some[0].rule_id else "職員の届出",
        "アラート": str(len(some)),
        "未完了": str(sum(one.closed is None for one in some)),
    }
    if with_time:
        answered = [(one.acknowledged - one.opened) / timedelta(minutes=1) for one in some if one.acknowledged]
        row["確認までの中央値(分)"] = f"{median(answered):.1f}" if answered else "-"
    return row


def accounts_without(asking: Asking, query: Query) -> Result:
    """The department's accounts in the inventory for which a search finds nothing."""
    mine = asking.accounts()
    column = str(query.options["field"])
    asked = asking.text(str(query.options["query"]), Within.WARD)
    there = {base(name) for (name,), _count in asking.tally(asked, (column,)) if name}
    unused = sorted(name for folded, name in mine.items() if folded not in there)
    values = {"accounts": len(mine), "used": len(mine) - len(unused), "unused": len(unused)}
    return Result(values, {}, asked, [{"アカウント": name} for name in unused])


def strangers(asking: Asking, query: Query) -> Result:
    """Accounts that nobody in the inventory has."""
    asked = asking.text(str(query.options["query"]), query.within)
    found: Counter[str] = Counter()
    for (name,), count in asking.tally(asked, ("user.name",)):
        if name and not own_account(name) and base(name) not in asking.directory.people_by_account:
            found[name] += count
    rows = [{"アカウント": name, "回数": str(count)} for name, count in found.most_common()]
    return Result({"accounts": len(found), "events": found.total()}, {}, asked, rows)


def shared(asking: Asking, query: Query) -> Result:
    """Accounts on many hosts, and accounts that several people have in the inventory."""
    asked = asking.text(str(query.options["query"]), query.within)
    hosts: dict[str, set[str]] = {}
    times: Counter[str] = Counter()
    for (user, host), count in asking.tally(asked, ("user.name", "host.name")):
        if user and host and not own_account(user):
            hosts.setdefault(base(user), set()).add(short(host))
            times[base(user)] += count
    most = query.options.get("hosts", 3)
    assert isinstance(most, int)
    many = sorted((one for one in hosts if len(hosts[one]) >= most), key=lambda one: (-len(hosts[one]), one))
    code = asking.department.code
    several = [
        name
        for name, people in asking.directory.people_by_account.items()
        if len(people) > 1 and any(code in one.departments for one in people)
    ]
    rows = [{"アカウント": one, "端末の数": str(len(hosts[one])), "ログオンの回数": str(times[one])} for one in many]
    rows += [{"アカウント": one, "端末の数": "台帳で複数の職員", "ログオンの回数": ""} for one in several]
    return Result({"many_hosts": len(many), "several_people": len(several)}, {}, asked, rows)


def leavers(asking: Asking, query: Query) -> Result:
    """People who left the department in the period, and what their accounts did on its hosts afterwards."""
    code, inventories = asking.department.code, asking.ports.inventories
    now = {one.number for one in asking.directory.staff if code in one.departments}
    before = inventories.at(asking.since)
    gone = {one.number: one for one in before.staff if code in one.departments and one.number not in now}
    stamps = [one for one in inventories.changes() if asking.since < one <= asking.until]
    left: dict[str, datetime] = {}
    for stamp in stamps[-MAX_VERSIONS:]:
        here = {one.number for one in inventories.at(stamp).staff if code in one.departments}
        left |= {number: stamp for number in gone if number not in here and number not in left}
    rows, total = [], 0
    asked = asking.text(str(query.options["query"]), query.within)
    for number, person in gone.items():
        names = {base(account.name) for account in person.accounts}
        since = left.get(number, asking.since)
        found = sum(
            count for (name,), count in asking.tally(asked, ("user.name",), since) if name and base(name) in names
        )
        total += found
        if found:
            day = since.astimezone(JST).date().isoformat()
            rows.append({"アカウント": ", ".join(sorted(names)), "離れた日(台帳)": day, "回数": str(found)})
    return Result({"people": len(gone), "events": total}, {}, asked, rows)


def flows(asking: Asking, query: Query) -> Result:
    """Registered flows of some kinds, or those that the department answers for, and how they were used."""
    kinds = query.options.get("kinds")
    mine = [
        one for one in asking.directory.flows if (one.kind in kinds if isinstance(kinds, tuple) else asking.owns(one))
    ]
    asked = asking.text(_flow_condition(query), query.within)
    counts = {name: count for (name,), count in asking.tally(asked, ("labels.flow_id",)) if name}
    used = {one.id: counts[one.id] for one in mine if one.id in counts}
    last = (asking.until - timedelta(microseconds=1)).astimezone(JST).date()
    ended = [one for one in mine if one.expired(last)]
    values = {
        "registered": len(mine),
        "used": len(used),
        "unused": len(mine) - len(used),
        "events": sum(used.values()),
        "expired": len(ended),
    }
    rows = [
        {
            "通信番号": one.id,
            "名称": one.name,
            "期限": one.expires.isoformat() if one.expires else "",
            "通信": str(used.get(one.id, 0)),
        }
        for one in sorted(mine, key=lambda one: -used.get(one.id, 0))
    ]
    return Result(values, {}, asked, rows)


def _flow_condition(query: Query) -> str:
    verdict = query.options.get("verdict")
    return "_exists_:labels.flow_id" + (f" AND labels.flow_verdict:{verdict}" if verdict else "")


def chain(asking: Asking, _query: Query) -> Result:
    """The journal's chain."""
    found = asking.ports.chain(asking.since, asking.until)
    if found is None:
        return Result({})
    values = {"segments": found.segments, "sealed": found.sealed, "problems": int(bool(found.problem))}
    return Result(values, rows=[{"異常": found.problem}] if found.problem else ())


def exceptions(asking: Asking, _query: Query) -> Result:
    """例外措置 of the unit as they stood at the end of the period, and what came from them after their end."""
    day = (asking.until - timedelta(microseconds=1)).astimezone(JST).date()
    known = asking.ports.waivers(frozenset({asking.department.code}))
    phases = [(one, _then(one, day)) for one in known if asking.concerns(one)]
    ended = [one for one, phase in phases if phase is Phase.OVERDUE]
    rows, used = [], 0
    for one in ended:
        count = _after_end(asking, one)
        used += bool(count)
        rows.append(
            {
                "例外措置": one.number.printed,
                "期限": one.last_day.isoformat(),
                "対象": "、".join(subject.id for subject in one.draft.subjects) or "—",
                "期限の後のログ": "—" if count is None else str(count),
            }
        )
    values = {"open": sum(phase is Phase.IN_FORCE for _one, phase in phases), "expired": len(ended), "used": used}
    return Result(values, rows=rows)


def _then(one: Waiver, day: date) -> Phase:
    """How a waiver stood on a day: what was ended later was still there."""
    if one.ended_on is not None and one.ended_on > day:
        one = replace(one, state=State.APPROVED)
    return one.phase(day)


def _after_end(asking: Asking, one: Waiver) -> int | None:
    """Events of a waiver's devices and flows after its last day; None where it names none."""
    fields = {Kind.DEVICE: "host.name", Kind.FLOW: "labels.flow_id"}
    terms = [write.term(fields[subject.kind], subject.id) for subject in one.draft.subjects if subject.kind in fields]
    since = datetime.combine(one.last_day + timedelta(days=1), time(), JST)
    if not any(terms) or since >= asking.until:
        return None
    return asking.count(asking.text(write.either(*terms), Within.WARD), max(since, asking.since))


def coming(query: Query) -> list[Ahead]:
    """What the function of a query is going to ask."""
    search = str(query.options.get("query", ""))
    match query.function:
        case "coverage":
            return [Ahead(NAMED, Within.WARD, ("host.name",))]
        case "gaps":
            return [Ahead("*:*", query.within, ("event.dataset",))]
        case "accounts_without":
            return [Ahead(search, Within.WARD, (str(query.options["field"]),))]
        case "strangers":
            return [Ahead(search, query.within, ("user.name",))]
        case "shared":
            return [Ahead(search, query.within, ("user.name", "host.name"))]
        case "flows":
            return [Ahead(_flow_condition(query), query.within, ("labels.flow_id",))]
        case _:
            return []


FUNCTIONS: Mapping[str, Callable[[Asking, Query], Result]] = {
    "coverage": coverage,
    "gaps": gaps,
    "alert_times": alert_times,
    "alerts_by_rule": alerts_by_rule,
    "cases": cases,
    "accounts_without": accounts_without,
    "strangers": strangers,
    "shared": shared,
    "leavers": leavers,
    "flows": flows,
    "chain": chain,
    "exceptions": exceptions,
}
