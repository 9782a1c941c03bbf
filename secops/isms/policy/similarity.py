"""How alike two Japanese texts are, by their characters: no dictionary, no model, nothing to download.

A text becomes the runs of two and three characters in it (after NFKC folding) and its words in kanji, katakana or
Latin letters. Runs that are all hiragana say little about a subject, those that mix say less than those of kanji and
katakana. What is rare among all texts counts more (TF-IDF); two texts are as alike as their vectors point one way.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Part = tuple[str, float]  # a piece of a text and how much it counts
_PIECE = re.compile(r"\w+")
_CLASSES = (
    ("K", re.compile(r"[\u4e00-\u9fff\u3005-\u3007]")),
    ("T", re.compile("[ァ-ヺー]")),
    ("H", re.compile("[ぁ-ゖ]")),
)
_RUN = re.compile("K{2,}|T{2,}|L{2,}")
_EDGE = re.compile("^H+|H+$")


@dataclass(frozen=True, slots=True)
class Weights:
    """What was tuned on one half of the labelled set (`make bench` reports on the other half)."""

    hiragana: float = 0.1
    mixed: float = 0.3
    word: float = 0.5
    power: float = 0.5  # how much a repeated run counts more than one that stands once


USUAL = Weights()


def fold(text: str) -> str:
    """The text as it is compared: widths and case do not matter."""
    return unicodedata.normalize("NFKC", text).lower()


def _kinds(piece: str) -> str:
    """The kind of each character: K kanji, T katakana, H hiragana, L anything else in a word."""
    return "".join(next((name for name, pattern in _CLASSES if pattern.match(char)), "L") for char in piece)


def features(parts: Iterable[Part], weights: Weights = USUAL) -> Mapping[str, float]:
    """The runs and words of a text given in pieces, with their weights before rarity; words are marked with a space."""
    found: defaultdict[str, float] = defaultdict(float)
    for text, weight in parts:
        if not weight:
            continue
        for piece in _PIECE.findall(fold(text)):
            kinds = _kinds(piece)
            for size in (2, 3):
                for at in range(len(piece) - size + 1):
                    hiragana = kinds.count("H", at, at + size)
                    share = weights.hiragana if hiragana == size else weights.mixed if hiragana else 1.0
                    found[piece[at : at + size]] += weight * share
            for run in _RUN.finditer(kinds):
                found[" " + piece[run.start() : run.end()]] += weight * weights.word
    return {name: value**weights.power for name, value in found.items()}


class Index:
    """Texts that others are compared with. Rarity is counted over them and over those that are asked for."""

    def __init__(self, texts: Mapping[str, Sequence[Part]], asked: Mapping[str, Sequence[Part]]) -> None:
        plain = {name: features(parts) for name, parts in texts.items()}
        other = {name: features(parts) for name, parts in asked.items()}
        counted = Counter(name for found in (*plain.values(), *other.values()) for name in found)
        total = len(plain) + len(other)
        self.rarity = {name: math.log(total / count) + 0.1 for name, count in counted.items()}
        self._asked = {name: self._unit(found) for name, found in other.items()}
        self._where: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
        for name, found in plain.items():
            for feature, value in self._unit(found).items():
                self._where[feature].append((name, value))

    def _unit(self, found: Mapping[str, float]) -> Mapping[str, float]:
        weighed = {name: value * self.rarity[name] for name, value in found.items()}
        length = math.sqrt(sum(value * value for value in weighed.values())) or 1.0
        return {name: value / length for name, value in weighed.items()}

    def alike(self, name: str) -> Mapping[str, float]:
        """How alike each text of the index is to one that is asked for: 0 to 1; who has nothing in common is out."""
        scores: defaultdict[str, float] = defaultdict(float)
        for feature, value in self._asked[name].items():
            for other, weight in self._where.get(feature, ()):
                scores[other] += value * weight
        return scores

    def words(self, one: str, other: str, most: int = 6) -> Sequence[str]:
        """What two texts have in common, as a reader sees it: the longest stretches, the rarest first."""
        there = fold(other)
        found: dict[str, float] = {}
        for piece in _PIECE.findall(fold(one)):
            for stretch in _stretches(piece, there):
                found[stretch] = sum(self.rarity.get(stretch[at : at + 2], 0.0) for at in range(len(stretch) - 1))
        ranked = sorted(found, key=lambda text: (-found[text], text))
        kept: list[str] = []
        for text in ranked:
            if not any(text in longer for longer in kept):
                kept.append(text)
        return kept[:most]


def _stretches(piece: str, there: str) -> Iterable[str]:
    """The longest stretches of a piece that also stand there, without hiragana at the ends, two or more."""
    at = 0
    while at < len(piece) - 1:
        end = at + 2
        while end <= len(piece) and piece[at:end] in there:
            end += 1
        stretch = piece[at : end - 1]
        trimmed = _EDGE.sub("", _kinds(stretch))
        if len(trimmed) >= 2:
            begin = len(_kinds(stretch)) - len(_kinds(stretch).lstrip("H"))
            yield stretch[begin : begin + len(trimmed)]
        at = max(end - 1, at + 1)
