"""Passkeys (WebAuthn level 2) without their storage: what the browser is asked, and whether its answer holds.

The ceremonies are those of the `webauthn` package. It is imported late: every command of the program opens accounts,
and few of them ever see a passkey.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secops.access.ports import Party, User
from secops.errors import DeniedError
from secops.locale import _

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

LONGEST = 16_000  # of what a browser sends, in characters; a passkey takes one or two thousand


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a passkey: id and public key in base64url, and the number of its last signature."""

    id: str
    public_key: str
    sign_count: int


def registration(party: Party, user: User, known: Sequence[str]) -> tuple[str, str]:
    """Options (JSON) with which a browser makes a passkey, none of the known ones; and the challenge to keep."""
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers import bytes_to_base64url
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        # The handle is stored in the passkey and must not tell who it is (WebAuthn 14.6.1).
        user_id=hashlib.sha256(f"{party.name}\0{user.name}".encode()).digest(),
        user_name=user.name,
        user_display_name=user.display_name,
        exclude_credentials=_descriptors(known),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.PREFERRED
        ),
    )
    return options_to_json(options), bytes_to_base64url(options.challenge)


def authentication(party: Party, known: Sequence[str]) -> tuple[str, str]:
    """Options (JSON) with which a browser uses one of the known passkeys, and the challenge to keep."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers import bytes_to_base64url

    options = generate_authentication_options(rp_id=party.id, allow_credentials=_descriptors(known))
    return options_to_json(options), bytes_to_base64url(options.challenge)


def registered(party: Party, challenge: str, credential: str) -> Kept:
    """The passkey that a browser made.

    Raises:
        DeniedError: the answer is not one to this challenge, from this console.
    """
    from webauthn import verify_registration_response
    from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

    try:
        found = verify_registration_response(
            credential=_fitting(credential),
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.id,
            expected_origin=party.origin,
        )
    except Exception as error:
        # Binary formats from a browser that may be hostile: the package has many ways to find them wrong.
        raise DeniedError(_("パスキーを登録できませんでした。画面を開き直して、もう一度操作してください。")) from error
    public = bytes_to_base64url(found.credential_public_key)
    return Kept(bytes_to_base64url(found.credential_id), public, found.sign_count)


def used(party: Party, challenge: str, credential: str, kept: Kept) -> int:
    """The new number of signatures of a passkey that was used; one that does not grow betrays a copy.

    Raises:
        DeniedError: the answer is not one of this passkey to this challenge, from this console.
    """
    from webauthn import verify_authentication_response
    from webauthn.helpers import base64url_to_bytes

    try:
        found = verify_authentication_response(
            credential=_fitting(credential),
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=base64url_to_bytes(kept.public_key),
            credential_current_sign_count=kept.sign_count,
        )
    except Exception as error:
        # As in `registered`.
        raise DeniedError(
            _("パスキーを確認できませんでした。もう一度操作するか、確認コードを使ってください。")
        ) from error
    return found.new_sign_count


def id_of(credential: str) -> str:
    """The id that an answer says it is of; empty where it is none."""
    try:
        found = json.loads(_fitting(credential))
    except ValueError:
        return ""
    return str(found.get("id", "")) if isinstance(found, dict) else ""


def _descriptors(known: Sequence[str]) -> list[PublicKeyCredentialDescriptor]:
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(one)) for one in known]


def _fitting(credential: str) -> str:
    if len(credential) > LONGEST:
        raise ValueError("too long")
    return credential
