"""The parts of a URL as proxies log them: also ``host:port`` of CONNECT, also what no standard allows."""

from __future__ import annotations

import re

PARTS = ("url.scheme", "url.domain", "url.port", "url.path", "url.query", "url.extension")
Parts = tuple[str | None, str | None, int | None, str | None, str | None, str | None]

_URL = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+.\-]*)://)?(?:[^/@?#]*@)?(\[[^\]]*\]|[^/:?#]*)(?::(\d{1,5}))?([^?#]*)(?:\?([^#]*))?.*",
    re.DOTALL,
)
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,8})$")


def split(url: str | None) -> Parts:
    """Scheme, domain, port, path, query, extension (in the order of `PARTS`); None where it has none."""
    match = _URL.match(url) if url else None
    if match is None:
        return (None, None, None, None, None, None)
    scheme, host, port, path, query = match.groups()
    number = int(port) if port else None
    dot = _EXTENSION.search(path) if path else None
    return (
        scheme.lower() if scheme else None,
        host.strip("[]").lower() or None,
        number if number is not None and number <= 65535 else None,
        path or None,
        query or None,
        dot[1].lower() if dot else None,
    )
