from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher

from secops.access.passwords import Passwords, check_password
from secops.access.ports import RIGHTS, ROLE_LABELS, Right, Role
from secops.access.throttle import FIRST_WAIT, LONGEST_WAIT, PER_PLACE, WINDOW, wait
from secops.errors import UsageError

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
quick = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def test_a_hash_is_argon2id_and_matches_only_its_password():
    stored = quick.hash("正しい馬の電池ホチキス")
    assert stored.startswith("$argon2id$")
    assert quick.matches(stored, "正しい馬の電池ホチキス")
    assert not quick.matches(stored, "正しい馬の電池ホチキズ")
    assert not quick.matches(None, "nobody has this password")
    assert not quick.matches("damaged", "x")
    assert not quick.matches(stored, "x" * 10_000)


def test_another_keyboard_types_the_same_password():
    assert quick.matches(quick.hash("ｐａｓｓｗｏｒｄ－１２３４"), "password-1234")


def test_hashes_of_the_past_are_recognised():
    assert Passwords().outdated(quick.hash("x"))
    assert not quick.outdated(quick.hash("x"))


@pytest.mark.parametrize("bad", ["", "short", "elevenchars", "x" * 257, "aaaaaaaaaaaaaaaa", "tanaka-tanaka-1"])
def test_weak_passwords_are_refused(bad: str):
    with pytest.raises(UsageError):
        check_password(bad, "tanaka")


def test_length_is_enough():
    check_password("correct horse battery", "tanaka")
    check_password("correct horse battery", "or")


def test_waiting_grows_and_is_forgotten():
    def failures(count: int) -> list[datetime]:
        return [NOW] * count

    assert not wait(failures(PER_PLACE - 1), NOW, PER_PLACE)
    assert wait(failures(PER_PLACE), NOW, PER_PLACE) == FIRST_WAIT
    assert wait(failures(PER_PLACE + 2), NOW, PER_PLACE) == FIRST_WAIT * 4
    assert wait(failures(500), NOW, PER_PLACE) == LONGEST_WAIT
    assert wait(failures(PER_PLACE), NOW + timedelta(seconds=4), PER_PLACE) == FIRST_WAIT - timedelta(seconds=4)
    assert not wait(failures(500), NOW + WINDOW, PER_PLACE)


def test_every_role_has_a_label_and_rights():
    assert set(RIGHTS) == set(ROLE_LABELS) == set(Role)
    assert [role for role in Role if Right.MANAGE_USERS in RIGHTS[role]] == [Role.ADMIN]
    assert [role for role in Role if Right.SEE_RAW in RIGHTS[role]] == [Role.CSIRT]


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "P@ssw0rd!2026",
        "qwertyuiop12",
        "123456789012",
        "abcabcabcabc",
        "Administrator1!",
        "secops-secops",
        "0987654321ab",
        "パスワード2026年です",
        "yamada2026!!",
        "midori-hanako",
    ],
)
def test_obvious_passwords_are_refused(password):
    with pytest.raises(UsageError, match="推測"):
        check_password(password, "yamada", display_name="midori")


@pytest.mark.parametrize(
    "password", ["orange umbrella 47", "みどりの三輪車と夕立と猫", "tokyo rain umbrella", "x7!pq-Rr2-Kw9z"]
)
def test_unusual_ones_are_taken_whatever_their_characters(password):
    check_password(password, "ya", display_name="山田")


def test_the_length_is_a_setting():
    check_password("cat-umbrella", "x")
    with pytest.raises(UsageError, match="16"):
        check_password("cat-umbrella", "x", length=16)
