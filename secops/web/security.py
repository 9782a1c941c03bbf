"""What every answer of the console carries, whatever page it is: allowed hosts, headers, the reader's language."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secops.locale import _, use_language
from secops.settings import WebSettings

LANGUAGE_COOKIE = "secops_lang"

# Nothing is loaded from elsewhere and nothing inline runs: log text that slips through as markup stays dead.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
YEAR = 365 * 24 * 3600


def allowed_hosts(web: WebSettings) -> frozenset[str]:
    """Names under which the console may be asked for: those in the settings and the address it listens on.

    Any other name is refused, which ends DNS rebinding (a foreign page that makes its own name point here).
    """
    own = {web.host, *web.allowed_hosts}
    if web.host.startswith("127.") or web.host in {"localhost", "::1"}:
        own |= {"127.0.0.1", "localhost", "::1"}
    return frozenset(host.lower() for host in own)


class Armour:
    """Pure ASGI middleware around the whole app (a context variable set here reaches the endpoints)."""

    def __init__(self, app: ASGIApp, web: WebSettings) -> None:
        self.app = app
        self.hosts = allowed_hosts(web)
        self.secure = bool(web.tls_certificate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse foreign hosts, set the language, add the headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        use_language(_cookie(headers, LANGUAGE_COOKIE))

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._dress(scope["path"], MutableHeaders(scope=message))
            await send(message)

        if _host(headers.get("host", "")) not in self.hosts:
            text = _("この名前では開けません。管理者は secops.toml の web.allowed_hosts を確認してください。")
            await PlainTextResponse(text, status_code=400)(scope, receive, guarded)
            return
        await self.app(scope, receive, guarded)

    def _dress(self, path: str, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers[name] = value
        if self.secure:
            headers["strict-transport-security"] = f"max-age={YEAR}"
        if not path.startswith("/static/"):
            headers["cache-control"] = "no-store"


def _host(value: str) -> str:
    """The name in a Host header without its port; brackets of an IPv6 address are taken off."""
    if value.startswith("["):
        return value[1:].partition("]")[0].lower()
    return value.partition(":")[0].lower()


def _cookie(headers: Headers, name: str) -> str:
    try:
        jar = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return jar[name].value if name in jar else ""
