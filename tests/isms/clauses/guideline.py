"""Three small editions: the second withdraws a clause and adds one, the third splits and moves."""

from __future__ import annotations

from secops.isms.clauses.editions import read_editions
from secops.isms.clauses.trace import Editions

FIRST = """\
id: mic-2020-01
title: 第一版
published: 2020-01
clauses:
  - id: mic-2020-01-1
    number: '1'
    title: 組織
  - id: mic-2020-01-1-1
    number: 1 (1)
    title: 責任者
  - {id: mic-2020-01-2, number: '2', title: 運用}
  - id: mic-2020-01-2.1
    number: '2.1'
    title: 小節
"""
SECOND = """\
id: mic-2021-01
title: 第二版
published: 2021-01
previous: mic-2020-01
clauses:
  - id: mic-2021-01-1
    number: '1'
    title: 組織
    previous: [mic-2020-01-1]
  - id: mic-2021-01-1-1
    number: 1 (1)
    title: 責任者
    previous: [mic-2020-01-1-1]
    change: changed
    note: 数が増えた
  - id: mic-2021-01-1-2
    number: 1 (2)
    title: 副責任者
    change: new
  - {id: mic-2021-01-2, number: '2', title: 運用, previous: [mic-2020-01-2]}
withdrawn:
  - {id: mic-2020-01-2.1, reason: 章の本文に入れた}
"""
# 1 (1) and 1 (2) become one; 2 becomes 1 (2) and 3.
SPLIT = """\
id: mic-2022-01
title: 第三版
published: 2022-01
previous: mic-2021-01
clauses:
  - {id: mic-2022-01-1, number: '1', title: 組織, previous: [mic-2021-01-1]}
  - id: mic-2022-01-1-1
    number: 1 (1)
    title: 責任者と副責任者
    previous: [mic-2021-01-1-1, mic-2021-01-1-2]
    change: changed
    note: 二つを一つにした
  - id: mic-2022-01-1-2
    number: 1 (2)
    title: 運用の責任者
    previous: [mic-2021-01-2]
    change: changed
    note: 章を二つに分けた
  - id: mic-2022-01-3
    number: '3'
    title: 運用
    previous: [mic-2021-01-2]
    change: moved
    note: 番号が 2 から 3 になった
"""


def read(*texts: str) -> Editions:
    """Editions in texts; their files are called 0.yml, 1.yml …"""
    return read_editions([(f"{at}.yml", text) for at, text in enumerate(texts)])
