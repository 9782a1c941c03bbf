"""Compiled conditions: what a rule asks of the set of predicates that hold for an event.

A condition is a predicate number, or (word, leaves, parts): the word is "and", "or" or "not", leaves the frozenset of
bare predicates and parts the rest. Bare predicates are then one set operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from secops.siem.detect.specs import Spec, fold


def compile_tree(tree: Any, numbers: Sequence[int]) -> Any:
    """A tree over leaf indexes (see `lower`) as a condition over predicate numbers."""
    if isinstance(tree, int):
        return numbers[tree]
    leaves: list[int] = []
    parts: list[Any] = []
    for child in tree[1:]:
        compiled = numbers[child] if isinstance(child, int) else compile_tree(child, numbers)
        (leaves if isinstance(compiled, int) else parts).append(compiled)
    return (tree[0], frozenset(leaves), tuple(parts))


def holds(condition: Any, true: set[int]) -> bool:
    """Whether a condition holds when exactly these predicates do."""
    if isinstance(condition, int):
        return condition in true
    word, leaves, parts = condition
    if word == "and":
        if not leaves <= true:
            return False
        return not parts or all(holds(part, true) for part in parts)
    some = not leaves.isdisjoint(true) or (bool(parts) and any(holds(part, true) for part in parts))
    return some if word == "or" else not some


def witness(condition: Any, weigh: Callable[[int], float]) -> frozenset[int] | None:
    """The rarest set of predicates of which one must hold for the condition to; None if there is none.

    ``weigh`` says how often a predicate is expected to hold (see `weight`).
    """
    if isinstance(condition, int):
        return frozenset((condition,))
    word, leaves, parts = condition
    if word == "not":
        return None
    below: list[frozenset[int] | None] = [witness(part, weigh) for part in parts]
    if word == "or":
        if None in below:
            return None
        return frozenset(leaves).union(*(part for part in below if part is not None))
    choices = [frozenset((leaf,)) for leaf in leaves] + [part for part in below if part is not None]
    if not choices:
        return None
    return min(choices, key=lambda choice: sum(map(weigh, choice)))


def weight(spec: Spec) -> float:
    """How often a predicate is expected to hold, roughly: long literals are rare, but not those that are everywhere."""
    kind = spec[0]
    if kind == "any":
        return 1.0
    if len(spec) > 1 and _is_common(kind, spec[1]):
        return 0.9
    if kind in ("num", "eq", "eqc"):
        return float(0.7 ** (1 + len(spec[1])))
    if kind in ("contains", "starts", "ends", "containsc", "startsc", "endsc"):
        return float(0.8 ** len(spec[1]))
    return 0.1


# Values that Windows logs are full of, each in its place (a backslash written as /); what holds for one of them tells
# no event from the others.
_COMMON = (
    "",
    "c:/windows/system32/svchost.exe", "c:/windows/system32/lsass.exe", "c:/windows/system32/services.exe",
    "c:/windows/system32/wbem/wmiprvse.exe", "c:/windows/system32/cmd.exe", "c:/windows/explorer.exe",
    "c:/windows/system32/windowspowershell/v1.0/powershell.exe", "c:/windows/system32/conhost.exe",
    "c:/windows/syswow64/", "c:/program files/", "c:/program files (x86)/", "c:/programdata/microsoft/",
    "c:/users/public/appdata/local/temp/", "/device/harddiskvolume",
    "c:/windows/system32/ntdll.dll+9c584|c:/windows/system32/kernelbase.dll+2730e|unknown(",
    "hklm/system/currentcontrolset/services/", "hklm/software/microsoft/windows/currentversion/",
    "hklm/software/microsoft/windows nt/currentversion/", "hku/s-1-5-21-", "/registry/machine/system/",
    "nt authority/system", "nt authority/local service", "workgroup", "system", "-", "s-1-5-18", "s-1-0-0",
    "0x0", "0x1000", "0x1400", "0x1410", "0x1fffff", "0x3e7", "0", "1", "3", "true", "false", "kerberos", "ntlm",
    "dword (0x00000000)", "dword (0x00000001)", "binary data", "127.0.0.1", "::1", "10.0.0.1", "443", "80", "53", "tcp",
    "microsoft corporation", "microsoft windows operating system", "setvalue", "createkey", "medium", "high",
)  # fmt: skip
_BORDER = "\0"
_AROUND = _BORDER.join(("", *_COMMON, "")).replace("/", "\\")


def _is_common(kind: str, text: str) -> bool:
    """Whether a plain literal meets a common value."""
    folded = fold(text) if kind[-1] == "c" else text
    place = kind.removesuffix("c")
    if place == "contains":
        return folded in _AROUND
    if place in ("starts", "eq", "num"):
        folded = _BORDER + folded
    if place in ("ends", "eq", "num"):
        folded += _BORDER
    return place in ("starts", "ends", "eq", "num") and folded in _AROUND
