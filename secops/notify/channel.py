"""The one interface of all ways out."""

from __future__ import annotations

from typing import Protocol

from secops.errors import SecopsError
from secops.notify.message import Message


class SendError(SecopsError):
    """A message could not be handed over; the text is the reason, for a person to read."""


class Channel(Protocol):
    """A way out. It may take as long as its own limit of time and is called from a thread of its own."""

    def send(self, message: Message, to: str, mark: str) -> str:
        """Hand a message over; returns a short receipt.

        ``mark`` is the same whenever the same message is sent to the same person again: so it can be recognised.

        Raises:
            SendError: with the reason; the message is tried again later.
        """
        ...
