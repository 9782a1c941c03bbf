"""The connection to Elasticsearch: one place for its client, for waiting while it cannot answer, and for its errors.

The client (`elasticsearch` 8, for servers 8 and 9) takes a second to import, so it is loaded with the first request.
"""

from __future__ import annotations

import base64
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secops.errors import AwayError, QueryError, StoreError
from secops.locale import _

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_REFUSED = frozenset({401, 403})
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
    """Requests to Elasticsearch. Safe to use from several threads.

    ``again`` reads how to log in once more: it is asked after a refused login, since passwords change while we run.
    """

    def __init__(self, access: Access, again: Callable[[], Access] | None = None) -> None:
        self._access = access
        self._again = again
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
                method, path, params=dict(params), headers={**headers, **self._login()}, body=body
            )
        except ApiError as error:
            if error.status_code in _REFUSED and self._changed():
                return self._request(method, path, body, headers, params)
            raise self._translated(error.status_code, error.body) from error
        except (TransportError, UnsupportedProductError) as error:
            raise self._unreached(error) from error
        return answer.body

    def _connected(self) -> Elasticsearch:
        with self._lock:
            if self._client is None:
                from elasticsearch import Elasticsearch

                access = self._access
                options: dict[str, Any] = {"request_timeout": access.seconds, "max_retries": 0}
                if access.ca_file:
                    options["ca_certs"] = _vouched(access.ca_file)
                self._client = Elasticsearch(list(access.urls), **options)
            return self._client

    def _login(self) -> dict[str, str]:
        """The header that logs in: made here, since the client refuses passwords beyond ASCII (RFC 7617 has UTF-8)."""
        access = self._access
        if access.api_key:
            if not access.api_key.isascii() or not access.api_key.isprintable():
                raise StoreError(_("Elasticsearch の API キー(store.api_key_file)に、使えない文字があります。"))
            return {"authorization": f"ApiKey {access.api_key}"}
        if access.user:
            return {"authorization": "Basic " + base64.b64encode(f"{access.user}:{access.password}".encode()).decode()}
        return {}

    def _changed(self) -> bool:
        """Whether how to log in has changed since we last read it; it is what the next request uses."""
        fresh = self._again() if self._again else self._access
        if fresh == self._access:
            return False
        self._access = fresh
        return True

    def _unreached(self, error: Exception) -> AwayError:
        """No answer: what the network or TLS said, innermost last."""
        reasons = list(_chain(error))
        said = " / ".join(dict.fromkeys(text for one in reasons if (text := str(one).strip())))
        if any(isinstance(one, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in str(one) for one in reasons):
            text = _(
                "サーバの証明書を確かめられません。"
                "store.ca_file に、証明書を発行した認証局の証明書を指定してください({why})"
            )
            return self.away(text.format(why=said))
        return self.away(said)

    def _translated(self, status: int, body: Any) -> StoreError | QueryError:
        reason = reason_of(body)
        if status in _BUSY or _BLOCKED in reason:
            return self.away(reason)
        if status in _REFUSED:  # not an end: detection goes on, and whoever mends the login need not restart anything
            text = _("ログインか権限が認められません。store の利用者名・パスワード・API キーを確かめてください({why})")
            return self.away(text.format(why=reason))
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


def _vouched(path: str) -> str:
    """The file of a certification authority, if it is one.

    Raises:
        StoreError: it cannot be read, or holds no certificate.
    """
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        text = _("store.ca_file の「{path}」は証明書(PEM)として読めません({why})。")
        raise StoreError(text.format(path=path, why=error.strerror or error)) from None
    return path


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what caused it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


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
