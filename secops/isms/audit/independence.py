"""Who may not audit whom: every post (兼務 too) and every duty for a system that was held in the audited period counts.

A unit is judged along its line: who sits in the department, in a part of it, or above it cannot audit it. A system is
judged by who owns it, who runs it and who holds a duty for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from secops.errors import ConflictError
from secops.locale import _
from secops.schema.dates import wareki


@dataclass(frozen=True, slots=True)
class Post:
    """A post of a person in a department, both days included; ``ends`` None: still held."""

    person: str
    department: str
    begins: date
    ends: date | None = None
    concurrent: bool = False


@dataclass(frozen=True, slots=True)
class SystemDuty:
    """What a person did for a system: ``duty`` in words (情報システム管理者, 開発の担当 …)."""

    person: str
    system: str
    duty: str
    begins: date
    ends: date | None = None


@dataclass(frozen=True, slots=True)
class AuditedSystem:
    """A system as it is audited: its 主管課 and the departments that run it for them."""

    code: str
    name: str
    department: str
    operators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Engagement:
    """An audit: the department, the systems, from the first day of the audited period to the last of the fieldwork."""

    department: str
    systems: tuple[AuditedSystem, ...]
    begins: date
    ends: date


@dataclass(frozen=True, slots=True)
class Organisation:
    """Department code → code of the unit above, and → name."""

    parents: Mapping[str, str]
    names: Mapping[str, str]

    def name(self, code: str) -> str:
        """The name, or the code where there is none."""
        return self.names.get(code) or code

    def line(self, code: str) -> list[str]:
        """The unit and all above it."""
        found: list[str] = []
        while code and code not in found:
            found.append(code)
            code = self.parents.get(code, "")
        return found

    def in_line(self, one: str, other: str) -> bool:
        """Whether they are the same unit, or one is above the other."""
        return one in self.line(other) or other in self.line(one)


@dataclass(frozen=True, slots=True)
class Independence:
    """``conflicts`` refuse the auditor, each with its reason; ``notes`` are what the records do not tell."""

    conflicts: tuple[str, ...]
    notes: tuple[str, ...]


def judge(
    auditor: str, engagement: Engagement, posts: Iterable[Post], duties: Iterable[SystemDuty], org: Organisation
) -> Independence:
    """Whether a person is independent of an engagement, over everything held on any day of it."""
    begins, ends = engagement.begins, engagement.ends
    held = [one for one in posts if one.person == auditor and _meets(one.begins, one.ends, begins, ends)]
    held.sort(key=lambda one: (one.begins, one.department))
    own_duties = [one for one in duties if one.person == auditor and _meets(one.begins, one.ends, begins, ends)]
    if not held:
        return Independence((_("対象期間の所属の記録がなく、独立していることを確かめられません。"),), ())
    conflicts = [*_unit(engagement, held, org), *_systems(engagement, held, own_duties, org)]
    return Independence(tuple(dict.fromkeys(conflicts)), tuple(_gaps(held, begins, ends)))


def require_independent(
    auditor: str, engagement: Engagement, posts: Iterable[Post], duties: Iterable[SystemDuty], org: Organisation
) -> tuple[str, ...]:
    """Refuse an auditor who is not independent; returns the notes to be settled by a person.

    Raises:
        ConflictError: with every reason.
    """
    found = judge(auditor, engagement, posts, duties, org)
    if found.conflicts:
        what = _("{person} は {unit} の監査人になれません。").format(
            person=auditor, unit=org.name(engagement.department)
        )
        raise ConflictError("\n".join([what, *found.conflicts]))
    return found.notes


def _meets(begins: date, ends: date | None, first: date, last: date) -> bool:
    return begins <= last and (ends is None or ends >= first)


def _unit(engagement: Engagement, held: Sequence[Post], org: Organisation) -> Iterator[str]:
    for post in held:
        if post.department == engagement.department:
            yield _("監査を受ける部署に在籍: {post}").format(post=_said(post, org))
        elif org.in_line(post.department, engagement.department):
            what = _("監査を受ける部署({unit})の上位又は下位の部署に在籍: {post}")
            yield what.format(unit=org.name(engagement.department), post=_said(post, org))


def _systems(
    engagement: Engagement, held: Sequence[Post], duties: Sequence[SystemDuty], org: Organisation
) -> Iterator[str]:
    for system in engagement.systems:
        for post in held:
            if org.in_line(post.department, system.department):
                what = _("監査を受けるシステム({system})の主管課又はその上位・下位の部署に在籍: {post}")
                yield what.format(system=system.name, post=_said(post, org))
            elif any(org.in_line(post.department, one) for one in system.operators):
                what = _("監査を受けるシステム({system})を運用する部署に在籍: {post}")
                yield what.format(system=system.name, post=_said(post, org))
        for duty in duties:
            if duty.system == system.code:
                what = _("監査を受けるシステム({system})の担当({duty}): {span}")
                yield what.format(system=system.name, duty=duty.duty, span=_span(duty.begins, duty.ends))


def _said(post: Post, org: Organisation) -> str:
    what = _("{department}(兼務)、{span}") if post.concurrent else _("{department}、{span}")
    return what.format(department=org.name(post.department), span=_span(post.begins, post.ends))


def _span(begins: date, ends: date | None) -> str:
    if ends is None:
        return _("{begins}から現在まで").format(begins=wareki(begins))
    return _("{begins}から{ends}まで").format(begins=wareki(begins), ends=wareki(ends))


def _gaps(held: Sequence[Post], first: date, last: date) -> Iterator[str]:
    """Stretches of the period for which no post is recorded; ``held`` is in the order of beginning."""
    day, what = first, _("{span}の所属の記録がありません。本人と人事の記録で確かめてください。")
    for post in held:
        if post.begins > day:
            yield what.format(span=_span(day, post.begins - timedelta(days=1)))
        if post.ends is None:
            return
        day = max(day, post.ends + timedelta(days=1))
    if day <= last:
        yield what.format(span=_span(day, last))
