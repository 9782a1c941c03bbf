"""The pages of a wing's part, shown under its title: one line a page."""

from __future__ import annotations

from secops.web.menu import Place

POLICY: tuple[Place, ...] = ()
AUDIT: tuple[Place, ...] = ()
