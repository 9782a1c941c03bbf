"""Which rules of a rulebook are to run, by severity and tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.detect.compiled import Compiled

NOT_CHOSEN = "選ばれていません(重大度・タグの指定の対象外)。"


@dataclass(frozen=True, slots=True)
class Selection:
    """Rules of at least ``level`` that carry one of the ``tags`` (none: any).

    A tag stands for all that begin with it, ``attack.`` may be left out, and ``_`` is ``-``: ``t1059`` takes
    ``attack.t1059.001``. With ``ids`` it is these rules only, also where they but feed correlations.
    """

    level: Severity = Severity.INFORMATIONAL
    tags: tuple[str, ...] = ()
    ids: frozenset[str] = frozenset()

    def takes(self, level: int, tags: Sequence[str]) -> bool:
        """Whether hits of a rule of this level with these tags are wanted."""
        if level < self.level:
            return False
        wanted = tuple(_spelled(tag) for tag in self.tags)
        return not wanted or any(
            tag.startswith(wanted) or tag.removeprefix("attack.").startswith(wanted) for tag in map(_spelled, tags)
        )

    def of(self, compiled: Compiled) -> Compiled:
        """The rulebook with all rules inactive that are not needed, `NOT_CHOSEN` being the reason.

        A correlation that is chosen needs the rules it refers to, whatever these are like; a rule that only feeds
        correlations is not chosen by itself.
        """
        if self == Selection():
            return compiled
        refs = {one["rule_id"]: one["refs"] for one in compiled.correlations}
        loud = {ref for one in compiled.correlations if one["generate"] for ref in one["refs"]}
        quiet = {ref for found in refs.values() for ref in found} - loud
        todo = [rule.meta.id for rule in compiled.rules if self.takes(rule.meta.level, rule.meta.tags)]
        todo = [id for id in todo if (id in self.ids if self.ids else id not in quiet)]
        needed: set[str] = set()
        while todo:
            id = todo.pop()
            if id not in needed:
                needed.add(id)
                todo += refs.get(id, ())
        reason = _(NOT_CHOSEN)
        rules = [
            rule if rule.meta.id in needed or (rule.reason and not rule.meta.tags) else replace(rule, reason=reason)
            for rule in compiled.rules
        ]
        return replace(compiled, rules=rules)


def _spelled(tag: str) -> str:
    return tag.strip().lower().replace("_", "-")
