"""The places of the navigation: one line a page, so that adding one touches nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from secops.access.ports import Right, User


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the navigation. ``key`` is the letter behind ``g`` that goes there; no two places share one.

    ``also`` are pages of this part that lie under addresses of their own.
    """

    path: str
    label: str
    key: str
    right: Right
    also: tuple[str, ...] = ()

    def holds(self, path: str) -> bool:
        """Whether an address lies here."""
        return any(path == one or path.startswith(one + "/") for one in (self.path, *self.also))


MENU = (
    Place("/alerts", "アラート", "a", Right.SEE_ALERTS),
    Place("/morning", "朝の確認", "m", Right.SEE_ALERTS),
    Place("/events", "検索", "e", Right.SEARCH_EVENTS),
    Place("/zones", "系統", "z", Right.SEE_STATUS),
    Place("/rules", "ルール", "r", Right.SEE_STATUS),
    Place("/sources", "収集", "s", Right.SEE_STATUS),
    Place("/notify", "通知", "n", Right.SEE_STATUS),
    Place("/inspection", "自己点検", "i", Right.ANSWER_INSPECTION),
    Place("/policy", "ポリシー", "p", Right.SEE_POLICY),
    Place("/audit", "監査", "u", Right.SEE_POLICY, ("/findings", "/horizontal")),
)


def home_of(user: User) -> str:
    """Where somebody begins: the first page of the navigation that they may see."""
    return next((place.path for place in MENU if user.may(place.right)), "/account")
