"""A passkey in software (WebAuthn level 2, ES256, attestation "none"), so that answers can be forged field by field."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import bytes_to_base64url, encode_cbor

PRESENT_AND_VERIFIED, WITH_KEY = 0x05, 0x40


@dataclass
class SoftKey:
    """One passkey. ``origin`` is the page it believes to be on; ``count`` grows with each signature."""

    rp_id: str = "console.example"
    origin: str = "https://console.example"
    id: bytes = b"credential-one"
    count: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: str) -> str:
        """What a browser answers to options of a registration, as JSON."""
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        known = b"\0" * 16 + len(self.id).to_bytes(2, "big") + self.id + encode_cbor(cose)
        data = self._data(PRESENT_AND_VERIFIED | WITH_KEY) + known
        attested = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options)
        return self._answer(client, attestationObject=bytes_to_base64url(attested))

    def get(self, options: str) -> str:
        """What a browser answers to options of an authentication, as JSON."""
        self.count += 1
        data, client = self._data(PRESENT_AND_VERIFIED), self._client("webauthn.get", options)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        more = {"authenticatorData": bytes_to_base64url(data), "signature": bytes_to_base64url(signature)}
        return self._answer(client, **more)

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, options: str) -> bytes:
        challenge = json.loads(options)["challenge"]
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _answer(self, client: bytes, **response: Any) -> str:
        name = bytes_to_base64url(self.id)
        response["clientDataJSON"] = bytes_to_base64url(client)
        return json.dumps(
            {"id": name, "rawId": name, "type": "public-key", "clientExtensionResults": {}, "response": response}
        )
