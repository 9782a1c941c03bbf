"""Which rules of a rulebook are to run, by severity and tag."""

from __future__ import annotations

from dataclasses import dataclass, replace

from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.detect.compiled import Compiled, Meta

NOT_CHOSEN = "選ばれていません(重大度・タグの指定の対象外)。"


@dataclass(frozen=True, slots=True)
class Selection:
    """Rules of at least ``level`` that carry one of the ``tags`` (none: any).

    A tag stands for all that begin with it, ``attack.`` may be left out, and ``_`` is ``-``: ``t1059`` takes
    ``attack.t1059.001``.
    """

    level: Severity = Severity.INFORMATIONAL
    tags: tuple[str, ...] = ()

    def takes(self, meta: Meta) -> bool:
        """Whether a rule is to run."""
        if meta.level < self.level:
            return False
        wanted = tuple(_spelled(tag) for tag in self.tags)
        tags = [_spelled(tag) for tag in meta.tags]
        return not wanted or any(
            tag.startswith(wanted) or tag.removeprefix("attack.").startswith(wanted) for tag in tags
        )

    def of(self, compiled: Compiled) -> Compiled:
        """The rulebook with all other rules inactive, `NOT_CHOSEN` being the reason."""
        if self == Selection():
            return compiled
        reason = _(NOT_CHOSEN)
        chosen = {rule.meta.id for rule in compiled.rules if self.takes(rule.meta)}
        for one in reversed(compiled.correlations):  # outer ones first
            if one["rule_id"] in chosen:
                chosen.update(one["refs"])  # what a correlation counts has to be found, whatever its level
        rules = [
            rule if rule.meta.id in chosen or (rule.reason and not rule.meta.tags) else replace(rule, reason=reason)
            for rule in compiled.rules
        ]
        return replace(compiled, rules=rules)


def _spelled(tag: str) -> str:
    return tag.strip().lower().replace("_", "-")
