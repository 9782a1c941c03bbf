"""The connection to Elasticsearch: one place for its client, for waiting while it cannot answer, and for its errors.

The client (`elasticsearch` 8, for servers 8 and 9) takes a second to import, so it is loaded with the first request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secops.errors import AwayError, QueryError, StoreError
from secops.locale import _

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_BUSY = frozenset({429, 502, 503, 504})
_BLOCKED = "cluster_block_exception"  # an index made read-only: the disk is full, or somebody stopped it
_JSON = "application/vnd.elasticsearch+json; compatible-with=8"
_LINES = "application/vnd.elasticsearch+x-ndjson; compatible-with=8"
_COMPLEX = ("determiniz", "too_many", "too many", "nested depth", "too complex")


@dataclass(frozen=True, slots=True)
class Access:
    """Where Elasticsearch is and how to log in; ``seconds`` bounds one request, ``patience`` all tries of a write."""

    urls: Sequence[str]
    user: str = ""
    password: str = ""
    api_key: str = ""
    ca_file: str = ""
    seconds: float = 30.0
    patience: float = 20.0


class Server:
    """Requests to Elasticsearch. Safe to use from several threads."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._client: Elasticsearch | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """One request, one try; the answer's JSON.

        Raises:
            AwayError: it cannot be reached, or says that it takes nothing now.
            QueryError: a search took too long, or is too complex for it.
            StoreError: it refuses the request.
        """
        headers = {"accept": _JSON, **({"content-type": _JSON} if body is not None else {})}
        return self._request(method, path, body, headers, params)

    def ask_lines(self, body: bytes, **params: Any) -> Any:
        """One bulk request, one try; see `ask`."""
        return self._request("POST", "/_bulk", body, {"accept": _JSON, "content-type": _LINES}, params)

    def patiently(self, once: Callable[[], Any]) -> Any:
        """Try again, with pauses that grow, while Elasticsearch is away; all in all for ``patience`` seconds."""
        deadline = time.monotonic() + self._access.patience
        pause = 0.1
        while True:
            try:
                return once()
            except AwayError:
                if time.monotonic() + pause > deadline or self._closing.wait(pause):
                    raise
                pause = min(pause * 2, 5.0)

    def found(self, path: str, **params: Any) -> Any:
        """GET; None where there is no such thing."""
        try:
            return self.ask("GET", path, **params)
        except _MissingError:
            return None

    def close(self) -> None:
        """Let go of the connections; a write that waits gives up."""
        self._closing.set()
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _request(self, method: str, path: str, body: Any, headers: Mapping[str, str], params: Mapping[str, Any]) -> Any:
        from elasticsearch import ApiError, TransportError, UnsupportedProductError

        try:
            answer = self._connected().perform_request(
                method, path, params=dict(params), headers=dict(headers), body=body
            )
        except ApiError as error:
            raise self._translated(error.status_code, error.body) from error
        except (TransportError, UnsupportedProductError) as error:
            raise self.away(str(error)) from error
        return answer.body

    def _connected(self) -> Elasticsearch:
        with self._lock:
            if self._client is None:
                from elasticsearch import Elasticsearch

                access = self._access
                options: dict[str, Any] = {"request_timeout": access.seconds, "max_retries": 0}
                if access.ca_file:
                    options["ca_certs"] = access.ca_file
                if access.api_key:
                    options["api_key"] = access.api_key
                elif access.user:
                    options["basic_auth"] = (access.user, access.password)
                self._client = Elasticsearch(list(access.urls), **options)
            return self._client

    def _translated(self, status: int, body: Any) -> StoreError | QueryError:
        reason = reason_of(body)
        if status in _BUSY or _BLOCKED in reason:
            return self.away(reason)
        if status == 404:
            return _MissingError(self._said(reason))
        if status == 409:
            return ConflictedError(self._said(reason))
        if any(word in reason.lower() for word in _COMPLEX):
            return QueryError(_("検索条件が複雑すぎて Elasticsearch が受け付けません: {reason}").format(reason=reason))
        return StoreError(self._said(reason))

    def _said(self, reason: str) -> str:
        text = _("Elasticsearch({url})が受け付けませんでした: {reason}")
        return text.format(url=", ".join(self._access.urls), reason=reason)

    def away(self, reason: str) -> AwayError:
        """The error that says that it cannot be reached or takes nothing, and why."""
        text = _("Elasticsearch({url})が応答しないか、書き込みを受け付けません: {reason}")
        return AwayError(text.format(url=", ".join(self._access.urls), reason=reason[:300]))


class _MissingError(StoreError):
    """There is no such index or document."""


class ConflictedError(StoreError):
    """Another process wrote first."""


def reason_of(body: Any) -> str:
    """What Elasticsearch says is wrong, innermost last."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(error, Mapping):
        return str(error)[:500]
    parts = [f"{error.get('type', '')}: {error.get('reason', '')}"]
    causes = [one.get("reason") for one in error.get("root_cause", ()) if isinstance(one, Mapping)]
    causes += [one.get("reason") for one in error.get("failed_shards", ()) if isinstance(one, Mapping)]
    causes.append(error.get("caused_by"))
    for cause in causes:
        text = reason_of(cause) if isinstance(cause, Mapping) else str(cause or "")
        if text and text not in parts[0]:
            parts.append(text)
    return " / ".join(dict.fromkeys(parts))[:500]
