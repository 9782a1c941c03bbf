"""Samples: the same again, whatever the order and the machine."""

from __future__ import annotations

import dataclasses
import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.errors import UsageError
from secops.isms.audit.sampling import draw, is_true, new_seed

populations = st.sets(st.from_regex(r"[A-Z]-[0-9]{1,4}", fullmatch=True), min_size=1, max_size=40).map(sorted)
seeds = st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True)


def test_a_sample_that_was_drawn_once_is_drawn_for_ever():
    """Made with `for m in …; do printf 'r8-211\\n%s' "$m" | sha256sum; done | sort`, not with this program."""
    sample = draw([f"申請{n:03}" for n in range(1, 31)], 4, "r8-211")
    assert sample.members == ("申請001", "申請005", "申請020", "申請024")
    assert (sample.population_size, sample.size, sample.method) == (30, 4, "sha256-rank-1")


@given(populations, st.integers(1, 50), seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(population, size, seed, dice: random.Random):
    shuffled = population.copy()
    dice.shuffle(shuffled)
    assert draw(population, size, seed) == draw(shuffled, size, seed)


@given(populations, st.integers(1, 50), seeds)
def test_a_sample_is_of_the_population_without_repetition_and_of_the_size(population, size, seed):
    sample = draw(population, size, seed)
    assert set(sample.members) <= set(population)
    assert len(set(sample.members)) == len(sample.members) == sample.size == min(size, len(population))


@given(populations, st.integers(1, 30), seeds)
def test_a_larger_sample_contains_the_smaller(population, size, seed):
    assert set(draw(population, size, seed).members) <= set(draw(population, size + 1, seed).members)


def test_every_member_has_the_same_chance():
    population = [f"m{n}" for n in range(10)]
    drawn = [member for seed in range(2000) for member in draw(population, 3, str(seed)).members]
    # 2,000 × 3 ÷ 10 = 600 each, give or take four standard deviations (82)
    assert all(518 <= drawn.count(member) <= 682 for member in population)


def test_a_recorded_sample_is_checked_against_the_population():
    population = [f"m{n}" for n in range(20)]
    sample = draw(population, 5, "seed")
    left_out = next(member for member in population if member not in sample.members)
    forged = tuple(sorted([left_out, *sample.members[1:]]))
    assert is_true(sample, reversed(population))
    assert not is_true(sample, population[:-1])
    assert not is_true(dataclasses.replace(sample, members=forged), population)


@pytest.mark.parametrize(
    ("population", "size", "seed"),
    [
        ([], 1, "s"),
        (["a"], 0, "s"),
        (["a"], 1, " "),
        (["a", "a"], 1, "s"),
        (["a", ""], 1, "s"),
        (["a\nb"], 1, "s"),
        (["a"], 1, "s\n"),
    ],
)
def test_what_cannot_be_drawn_is_said(population, size, seed):
    with pytest.raises(UsageError):
        draw(population, size, seed)


def test_seeds_differ():
    assert len({new_seed() for _ in range(50)}) == 50


def test_the_digest_of_the_population_is_of_its_sorted_lines():
    assert draw(["b", "a"], 1, "s").population == hashlib.sha256(b"a\nb\n").hexdigest()
