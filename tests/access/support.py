"""A small project with roles and tokens, and an issuer that signs them."""

from __future__ import annotations

import json
import pathlib
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from engine.model import ProjectFile
from engine.projectfile import read_project

ROOT = pathlib.Path(__file__).resolve().parents[2]
ISSUER = "https://issuer.example/"
AUDIENCE = "shop"
SECRET = "correct horse battery staple, and some more"

PROJECT = """\
project: shop
tables:
  order:
    columns:
      id: integer
      user_id: {type: text, optional: true}
      amount: amount
      status: {type: text, default: pending}
payment:
  order_table: order
roles:
  customer:
    actions:
      pay: {when: "{{ order.user_id == caller.id and order.status != 'paid' }}"}
      recurring: {when: "{{ input.type == 'Cancel' and order.user_id == caller.id }}"}
    read:
      order: {when: "{{ row.user_id == caller.id }}"}
  admin:
    actions: {pay: {}, refund: {}, recurring: {}}
    read: {order: {}, payment: {}}
  auditor:
    read: {order: {}}
  broken:
    actions:
      pay: {when: "{{ order.amount > order.user_id }}"}
      refund: {when: "{{ order.nothing == 1 }}"}
    read:
      order: {when: "{{ row.nothing == caller.id }}"}
"""


def project_of(folder: pathlib.Path, text: str = PROJECT) -> ProjectFile:
    """A project file with this text, read as the engine reads it."""
    path = folder / "project.yaml"
    path.write_text(text)
    return read_project(path)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Issuer:
    """Signs tokens; `jwks` are its public keys, as it would publish them."""

    def __init__(self) -> None:
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())

    def jwk(self, algorithm: str, kid: str | None, **more: Any) -> dict[str, Any]:
        if algorithm == "RS256":
            found = jwt.algorithms.RSAAlgorithm.to_jwk(self.rsa.public_key(), as_dict=True)
        else:
            found = jwt.algorithms.ECAlgorithm.to_jwk(self.ec.public_key(), as_dict=True)
        found = {name: value for name, value in found.items() if name != "key_ops"}
        return {**found, **({"kid": kid} if kid else {}), **more}

    def jwks(self) -> bytes:
        keys = [self.jwk("RS256", "r1"), self.jwk("ES256", "e1", use="sig", alg="ES256")]
        return json.dumps({"keys": keys}).encode()

    def sign(self, algorithm: str = "RS256", kid: str | None = "r1", **claims: Any) -> str:
        key = self.rsa if algorithm == "RS256" else self.ec
        return sign(key, algorithm, kid, **claims)

    def public_pem(self) -> bytes:
        return self.rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def private_pem(self) -> bytes:
        return self.rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def claims_of(**changed: Any) -> dict[str, Any]:
    """Good claims for ada, a customer, with some changed; None takes one away."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "role": "customer"}
    claims |= {"iat": now, "exp": now + 600, **changed}
    return {name: value for name, value in claims.items() if value is not None}


def sign(key: Any, algorithm: str, kid: str | None = None, **changed: Any) -> str:
    headers = {"kid": kid} if kid is not None else None
    return jwt.encode(claims_of(**changed), key, algorithm, headers=headers)
