"""Logging in through an identity provider (OpenID Connect Core 1.0, authorization code flow with PKCE), without I/O.

State, nonce and PKCE verifier are all made from one secret in a cookie of the browser that began: nothing of it need be
kept here, and an answer that another browser brings fits nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlencode

from secops.access.ports import Identity, Role
from secops.errors import DeniedError
from secops.locale import _

LEEWAY = timedelta(seconds=60)  # how far the clocks of two servers may be apart
# Signatures with a public key only: "none" and those with the shared secret are how such checks have been fooled.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the ward's settings say about people that the provider knows; see `secops.settings.OidcSettings`."""

    issuer: str
    client_id: str
    scopes: Sequence[str] = ("openid",)
    name_claim: str = "preferred_username"
    role_claim: str = ""
    roles: Mapping[str, Role] = field(default_factory=dict)
    domains: Sequence[str] = ()
    unknown_is_viewer: bool = False
    trust_second_factor: bool = False


class IdentityProvider(Protocol):
    """The provider as the console sees it; both calls may take seconds."""

    @property
    def makes_users(self) -> bool:
        """Whether someone who was not added here becomes a viewer."""
        ...

    def begin(self, secret: str, redirect: str) -> str:
        """Where to send the browser. DeniedError where the provider cannot be reached."""
        ...

    def finish(self, secret: str, redirect: str, code: str, now: datetime) -> Identity:
        """Who came back with this code. DeniedError with the reason where anything does not fit."""
        ...


def derived(secret: str, purpose: str) -> str:
    """A value for one purpose, 256 bits in base64url: whoever sees it learns neither the secret nor the others."""
    return _b64(hmac.new(secret.encode("utf-8", "replace"), purpose.encode(), hashlib.sha256).digest())


def fits(secret: str, state: str) -> bool:
    """Whether an answer belongs to the browser with this secret."""
    return bool(secret) and hmac.compare_digest(derived(secret, "state").encode(), state.encode("utf-8", "replace"))


def request_url(endpoint: str, rules: Rules, secret: str, redirect: str) -> str:
    """The address at the provider that begins a login (RFC 7636 for the challenge)."""
    challenge = _b64(hashlib.sha256(derived(secret, "verifier").encode()).digest())
    values = {
        "response_type": "code",
        "client_id": rules.client_id,
        "redirect_uri": redirect,
        "scope": " ".join(rules.scopes),
        "state": derived(secret, "state"),
        "nonce": derived(secret, "nonce"),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(values)}"


def claims_of(token: str, keys: Mapping[str, Any]) -> Mapping[str, Any]:
    """The claims of an ID token whose signature one of the keys (a JWKS) made.

    Raises:
        DeniedError: it is no such token.
    """
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    try:
        return jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS)).claims  # type: ignore[arg-type]  # JSON as it came
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise refused(_("署名を確認できません")) from error


def check(claims: Mapping[str, Any], rules: Rules, secret: str, now: datetime) -> None:
    """Whether the claims are for us, for this login, and now (OpenID Connect Core 3.1.3.7).

    Raises:
        DeniedError: they are not; the message says what does not fit.
    """
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != rules.issuer:
        raise refused(_("発行者が違います"))
    if rules.client_id not in audiences or (len(audiences) > 1 and claims.get("azp") != rules.client_id):
        raise refused(_("この画面あての応答ではありません"))
    expires, issued = _number(claims.get("exp")), _number(claims.get("iat"))
    if expires is None or now.timestamp() >= expires + LEEWAY.total_seconds():
        raise refused(_("期限が切れています"))
    if issued is None or issued > now.timestamp() + LEEWAY.total_seconds():
        raise refused(_("発行時刻が未来です。両方のサーバーの時刻を確認してください"))
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), derived(secret, "nonce").encode()):
        raise refused(_("このログインへの応答ではありません"))


def identity_of(claims: Mapping[str, Any], rules: Rules) -> Identity:
    """Who it is and what they may be.

    Raises:
        DeniedError: no usable name, another domain, or groups that no role is mapped to.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise refused(_("利用者の番号(sub)がありません"))
    if rules.domains and not _in_domains(claims, rules.domains):
        raise DeniedError(_("この認証基盤の利用者のうち、許可されたドメインの人だけがログインできます。"))
    said = claims.get(rules.name_claim)
    name = said.partition("@")[0].strip().lower() if isinstance(said, str) else ""
    if not name:
        raise refused(_("利用者名のクレーム({claim})がありません").format(claim=rules.name_claim))
    shown = claims.get("name")
    methods = claims.get("amr")
    strong = rules.trust_second_factor and isinstance(methods, list) and "mfa" in methods
    display = shown.strip()[:80] if isinstance(shown, str) else ""
    return Identity(f"{rules.issuer}|{subject}", name, display, _role(claims, rules), strong)


def _role(claims: Mapping[str, Any], rules: Rules) -> Role | None:
    """What the person's groups are mapped to; where there is a map, nobody comes in beside it."""
    if not rules.role_claim:
        return None
    said = claims.get(rules.role_claim)
    groups = said if isinstance(said, list) else [said]
    for group, role in rules.roles.items():
        if group in groups:
            return role
    if rules.unknown_is_viewer:
        return Role.VIEWER
    raise DeniedError(_("所属するグループに役割が割り当てられていません。システム管理者に連絡してください。"))


def _in_domains(claims: Mapping[str, Any], domains: Sequence[str]) -> bool:
    address = claims.get("email")
    if not isinstance(address, str) or claims.get("email_verified") is not True:
        return False
    return address.rpartition("@")[2].lower() in {one.lower() for one in domains}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e12 else None


def refused(reason: str) -> DeniedError:
    """The error for an answer that does not hold."""
    text = _("認証基盤の応答を確認できませんでした({reason})。もう一度ログインしてください。")
    return DeniedError(text.format(reason=reason))


def _b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
