r"""The audit of registry values (Security 4657) in the notation of Sysmon, in which rules and people know it.

The audit writes ``\REGISTRY\MACHINE\SYSTEM\ControlSet001\Services\x``, the name of the value and ``4`` apart, where
Sysmon writes ``HKLM\SYSTEM\CurrentControlSet\Services\x\Start`` and ``DWORD (0x00000004)``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from secops.siem.normalize.values import Memo, Plain, clean, hive, registry_key

_ROOT = re.compile(r"\\REGISTRY\\(MACHINE|USER)(?=\\|$)", re.IGNORECASE)
_HIVES = {"MACHINE": "HKLM", "USER": "HKU"}
_CONTROL_SET = re.compile(r"(HKLM\\SYSTEM\\)ControlSet\d{3}(?=\\|$)", re.IGNORECASE)
_DEFAULT = "(Default)"  # the value of a key that has no name
_TYPES = {
    "%%1872": "REG_NONE", "%%1873": "REG_SZ", "%%1874": "REG_EXPAND_SZ", "%%1875": "REG_BINARY", "%%1876": "REG_DWORD",
    "%%1877": "REG_DWORD_BIG_ENDIAN", "%%1878": "REG_LINK", "%%1879": "REG_MULTI_SZ", "%%1880": "REG_RESOURCE_LIST",
    "%%1881": "REG_FULL_RESOURCE_DESCRIPTOR", "%%1882": "REG_RESOURCE_REQUIREMENTS_LIST", "%%1883": "REG_QWORD",
}  # fmt: skip


def key_path(value: Any) -> str | None:
    """An audited key with the name of its hive."""
    found = clean(value)
    if found is None:
        return None
    named = _ROOT.sub(lambda root: _HIVES[root[1].upper()], found, count=1) if _ROOT.match(found) else found
    return _CONTROL_SET.sub(lambda start: start[1] + "CurrentControlSet", named, count=1)


def value_path(key: Any, name: Any) -> str | None:
    """Key and name of a value."""
    found = key_path(key)
    return None if found is None else f"{found}\\{clean(name) or _DEFAULT}"


def value_type(value: Any) -> str | None:
    """The type of a value as Windows calls it; the audit gives the number of a text."""
    found = clean(value)
    return _TYPES.get(found, found) if found else None


def value_data(data: Any, kind: Any) -> list[str] | None:
    """What was written, as Sysmon shows it; what is not of its type is left as it is."""
    found = clean(data)
    if found is None:
        return None
    named = value_type(kind)
    if named == "REG_BINARY":
        return ["Binary Data"]
    if named in {"REG_DWORD", "REG_QWORD"}:
        try:
            number = int(found, 16 if found[:2].lower() == "0x" else 10)
        except ValueError:
            return [found]
        if named == "REG_DWORD" and 0 <= number < 1 << 32:
            return [f"DWORD (0x{number:08x})"]
        if named == "REG_QWORD" and 0 <= number < 1 << 64:
            return [f"QWORD (0x{number >> 32:08x}-0x{number & 0xFFFFFFFF:08x})"]
    return [found]


CONVERSIONS: dict[str, Memo | Plain] = {
    "audited_hive": Memo(lambda value: hive(key_path(value))),
    "audited_key": Memo(lambda value: registry_key(key_path(value))),
    "audited_type": Memo(value_type),
}

# Kind of event → column → what makes it of the values of several fields, the first of which must be there.
JOINED: dict[tuple[str, str], dict[str, tuple[Callable[[Any, Any], Any], str, str]]] = {
    ("windows.security", "4657"): {
        "registry.path": (value_path, "ObjectName", "ObjectValueName"),
        "registry.data.strings": (value_data, "NewValue", "NewValueType"),
    }
}
