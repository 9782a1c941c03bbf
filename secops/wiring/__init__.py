"""Reads settings and files, picks adapters, owns the real clock.

`site` opens a site folder and its parts, `parts` has the loop of each child process, `ingest` and `replay` are the two
jobs that join the roads on demand.
"""

from secops.wiring.site import Site, create_site, open_site

__all__ = ["Site", "create_site", "open_site"]
