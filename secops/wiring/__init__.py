"""Reads settings and files, picks adapters, owns the real clock.

`site` opens a site folder and its parts, `parts` has the loop of each child process, `ingest` and `replay` are the two
jobs that join the roads on demand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secops.wiring.site import Site, create_site, open_site

__all__ = ["Site", "create_site", "open_site"]


def __getattr__(name: str) -> Any:
    """The three names that most commands want; a hunt, which has no site, does without the settings they bring."""
    if name not in __all__:
        raise AttributeError(name)
    from secops.wiring import site

    return getattr(site, name)
