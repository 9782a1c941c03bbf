"""The ward's identity provider over HTTP: discovery, keys and tokens, with time limits and the ward's own CA."""

from __future__ import annotations

import base64
import json
import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from secops.access.oidc import Rules, check, claims_of, derived, identity_of, refused, request_url
from secops.access.ports import Identity, Role
from secops.errors import DeniedError
from secops.locale import _
from secops.settings import OidcSettings

log = logging.getLogger("secops.oidc")
TIMEOUT = 10.0  # seconds
LARGEST = 1_000_000  # bytes of an answer
KEEP_SECONDS = 3600.0  # how long discovery and keys are believed
RENEW_SECONDS = 30.0  # keys are asked for anew at most so often when a token is signed by an unknown one


class _Stay(HTTPRedirectHandler):
    """No redirects: a code and a secret must not go anywhere else than where discovery said."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        """Never."""


class HttpProvider:
    """`secops.access.oidc.IdentityProvider` over HTTP; safe to share between threads."""

    def __init__(self, settings: OidcSettings, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.rules = rules_of(settings)
        self._secret_file = folder / settings.client_secret_file if settings.client_secret_file else None
        context = ssl.create_default_context(cafile=str(folder / settings.ca_file) if settings.ca_file else None)
        self._opener = build_opener(HTTPSHandler(context=context), _Stay())
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[float, Mapping[str, Any], Mapping[str, Any]] | None = None  # when, metadata, keys

    @property
    def makes_users(self) -> bool:
        """See `IdentityProvider`."""
        return self.rules.unknown_is_viewer

    def begin(self, secret: str, redirect: str) -> str:
        """See `IdentityProvider`."""
        metadata, _keys = self._provider(KEEP_SECONDS)
        return request_url(metadata["authorization_endpoint"], self.rules, secret, redirect)

    def finish(self, secret: str, redirect: str, code: str, now: datetime) -> Identity:
        """See `IdentityProvider`."""
        metadata, keys = self._provider(KEEP_SECONDS)
        token = self._token(metadata, secret, redirect, code)
        try:
            claims = claims_of(token, keys)
        except DeniedError:  # the provider may have changed its keys
            claims = claims_of(token, self._provider(RENEW_SECONDS)[1])
        check(claims, self.rules, secret, now)
        return identity_of(claims, self.rules)

    def _token(self, metadata: Mapping[str, Any], secret: str, redirect: str, code: str) -> str:
        values = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": derived(secret, "verifier"),
            "client_id": self.rules.client_id,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self._secret_file is not None:
            own = self._own_secret()
            if "client_secret_basic" in metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
                pair = f"{quote(self.rules.client_id, safe='')}:{quote(own, safe='')}"  # RFC 6749 2.3.1
                headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            else:
                values["client_secret"] = own
        answer = self._fetch(Request(metadata["token_endpoint"], urlencode(values).encode(), headers))  # noqa: S310 - https, or http on this machine: `_checked`
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise refused(_("ID トークンがありません"))
        return token

    def _own_secret(self) -> str:
        assert self._secret_file is not None
        try:
            return self._secret_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            log.error("%s: %s", self._secret_file, error.strerror)  # noqa: TRY400 - the reason is in the text
            raise refused(_("クライアントシークレットを読めません")) from error

    def _provider(self, keep: float) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Metadata and keys, not older than ``keep`` seconds."""
        with self._lock:
            if self._known is None or self._clock() - self._known[0] > keep:
                place = f"{self.rules.issuer}/.well-known/openid-configuration"
                metadata = self._checked(self._fetch(Request(place)))  # noqa: S310 - the settings allow https only
                keys = self._fetch(Request(metadata["jwks_uri"]))  # noqa: S310 - https, or http on this machine: `_checked`
                self._known = (self._clock(), metadata, keys)
            return self._known[1], self._known[2]

    def _checked(self, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
        """What discovery says must be of the issuer itself and lead to no weaker place than the issuer is."""
        if metadata.get("issuer") != self.rules.issuer:
            raise refused(_("発行者が違います"))
        scheme = urlsplit(self.rules.issuer).scheme
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            place = metadata.get(name)
            if not isinstance(place, str) or urlsplit(place).scheme not in {"https", scheme}:
                raise refused(_("設定情報に {name} がありません").format(name=name))
        return metadata

    def _fetch(self, request: Request) -> Mapping[str, Any]:
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                body = answer.read(LARGEST + 1)
            found = json.loads(body) if len(body) <= LARGEST else None
        except HTTPError as error:
            error.close()
            log.warning("%s: HTTP %s", request.full_url, error.code)
            raise refused(_("認証基盤が拒否しました(HTTP {status})").format(status=error.code)) from error
        except (OSError, ValueError, HTTPException) as error:
            log.warning("%s: %s", request.full_url, error)
            raise refused(_("認証基盤につながりません")) from error
        if not isinstance(found, dict):
            raise refused(_("応答を読み取れません"))
        return found


def rules_of(settings: OidcSettings) -> Rules:
    """The settings as the pure part wants them."""
    return Rules(
        issuer=settings.issuer,
        client_id=settings.client_id,
        scopes=settings.scopes,
        name_claim=settings.name_claim,
        role_claim=settings.role_claim,
        roles={group: Role(role) for group, role in settings.roles.items()},
        domains=settings.domains,
        unknown_is_viewer=settings.unknown == "viewer",
        trust_second_factor=settings.trust_second_factor,
    )
