"""``secops policy``: the guideline, the ward's documents and what they say about each other; one file per theme."""

from __future__ import annotations

import click

from secops.cli import (
    policy_calendar,
    policy_compare,
    policy_documents,
    policy_exceptions,
    policy_gap,
    policy_guideline,
    policy_impact,
    policy_word,
)


@click.group()
def policy() -> None:
    """情報セキュリティポリシー: ガイドライン、基本方針・対策基準、改定の影響。"""


# Each part adds its commands to the group.
for _part in (
    policy_guideline,
    policy_documents,
    policy_word,
    policy_compare,
    policy_gap,
    policy_impact,
    policy_exceptions,
    policy_calendar,
):
    _part.register(policy)
