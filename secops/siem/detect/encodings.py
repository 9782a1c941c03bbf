"""Modifiers that we read otherwise than pySigma, registered with it under their own names (see docs/sigma.md).

pySigma cuts base64 by characters where bytes count, encodes the mark of UTF-16 as UTF-8 before base64, and takes only
ASCII under ``wide``. Here a text in UTF-16 is its bytes as the characters U+0000 to U+00FF, which for ASCII is the
same; base64 is made of exactly these bytes. Networks may have bits of a host set.
"""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from typing import Any

from sigma.modifiers import (
    SigmaBase64Modifier,
    SigmaBase64OffsetModifier,
    SigmaCIDRModifier,
    SigmaModifier,
    SigmaUTF16BEModifier,
    SigmaUTF16Modifier,
    SigmaWideModifier,
    modifier_mapping,
    reverse_modifier_mapping,
)
from sigma.types import SigmaCIDRExpression, SigmaExpansion, SigmaString

_MARK = "\ufeff"  # what UTF-16 begins with in a log that shows characters; within base64 its bytes are FF FE


def _encoded(value: SigmaString, encoding: str, mark: str = "") -> SigmaString:
    made = SigmaString()
    parts = [part.encode(encoding).decode("latin-1") if isinstance(part, str) else part for part in value.s]
    made.s = [*([mark] if mark else []), *parts]
    return made


class Wide(SigmaWideModifier):
    """UTF-16, little-endian."""

    def modify(self, val: SigmaString) -> SigmaString:
        """Encode."""
        return _encoded(val, "utf-16-le")


class UTF16BE(SigmaUTF16BEModifier):
    """UTF-16, big-endian."""

    def modify(self, val: SigmaString) -> SigmaString:
        """Encode."""
        return _encoded(val, "utf-16-be")


class UTF16(SigmaUTF16Modifier):
    """UTF-16, little-endian, behind a byte order mark."""

    def modify(self, val: SigmaString) -> SigmaString:
        """Encode."""
        return _encoded(val, "utf-16-le", _MARK)


def _bytes(value: SigmaString, applied: list[type]) -> bytes:
    """What base64 is made of: the bytes of UTF-16 if a modifier asked for it, of UTF-8 otherwise."""
    text = "".join(part for part in value.s if isinstance(part, str))
    if not {Wide, UTF16BE, UTF16}.intersection(applied):
        return text.encode()
    return text.replace(_MARK, "\xff\xfe", 1).encode("latin-1")


class Base64(SigmaBase64Modifier):
    """The encoding of exactly this text."""

    def modify(self, val: SigmaString) -> SigmaString:
        """Encode, without wildcards."""
        super().modify(val)  # refuses wildcards
        return SigmaString(b64encode(_bytes(val, list(self.applied_modifiers))).decode())


class Base64Offset(SigmaBase64OffsetModifier):
    """The part of the encoding that does not depend on what stands before and after, at each of three positions."""

    def modify(self, val: SigmaString) -> SigmaExpansion:
        """Encode three times, without wildcards."""
        super().modify(val)  # refuses wildcards
        data = _bytes(val, list(self.applied_modifiers))
        return SigmaExpansion([SigmaString(self._at(shift, data)) for shift in range(3)])

    def _at(self, shift: int, data: bytes) -> str:
        first, last = self.start_offsets[shift], self.end_offsets[(len(data) + shift) % 3]
        return b64encode(b" " * shift + data)[first:last].decode()


class Network(SigmaCIDRModifier):
    """A network; bits of a host in it are left out, and one of IPv4-mapped addresses is one of IPv4."""

    def modify(self, val: SigmaString) -> SigmaCIDRExpression:
        """Read as a network."""
        try:
            network = ipaddress.ip_network(str(val), strict=False)
        except ValueError:
            return super().modify(val)  # says what is wrong
        if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
            mapped = network.network_address.ipv4_mapped
            network = ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}") if mapped else network
        return super().modify(SigmaString(str(network)))


OURS: dict[str, type[SigmaModifier[Any, Any]]] = {
    "wide": Wide,
    "utf16be": UTF16BE,
    "utf16": UTF16,
    "base64": Base64,
    "base64offset": Base64Offset,
    "cidr": Network,
}


def register() -> None:
    """Let pySigma use these; doing it again changes nothing."""
    modifier_mapping.update(OURS)
    reverse_modifier_mapping.update({one.__name__: name for name, one in OURS.items()})
