"""Scores of a ward's audits over the years."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from secops.isms.audit.model import Verdict
from secops.isms.audit.scoring import Judgement, OpenMajor, score_round
from secops.wiring.audits import open_catalogue, open_rules
from tests.bench.measure import Row

DEPARTMENTS = [f"{number}" for number in range(101, 161)]
ITEMS = 200
YEARS = 5


def rows(folder: Path) -> Iterator[Row]:
    dice = random.Random(1)
    catalogue, rules = open_catalogue(), open_rules()
    verdicts = list(Verdict)
    chosen = [item.id for item in catalogue.items[:ITEMS]]
    rounds = [
        [Judgement(item, department, dice.choice(verdicts)) for department in DEPARTMENTS for item in chosen]
        for _year in range(YEARS)
    ]
    majors = [OpenMajor(dice.choice(DEPARTMENTS), dice.choice(chosen)) for _number in range(20)]
    divisions = {code: f"{code[:2]}0" for code in DEPARTMENTS}

    def once() -> float:
        started = time.perf_counter()
        for judgements in rounds:
            score_round(judgements, majors, catalogue, rules, divisions)
        return time.perf_counter() - started

    taken = median(once() for _time in range(5))
    yield Row(
        f"audit: {len(DEPARTMENTS)} departments × {ITEMS} items × {YEARS} years scored", f"{taken:.2f} s", "", "< 1 s"
    )
