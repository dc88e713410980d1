"""Tokens: the good ones, and every attack on them that we know of."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
import logging
import pathlib
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.access import AuthenticationFailed, Caller, TokenVerifier
from engine.access.jwks import KeySet
from engine.errors import BadInput
from engine.model import JwtSettings
from tests.access.support import (
    AUDIENCE,
    ISSUER,
    PROJECT,
    SECRET,
    Clock,
    Issuer,
    claims_of,
    project_of,
    sign,
)

ROLES = ("customer", "admin")
BOTH = JwtSettings(("RS256", "ES256"), ISSUER, (AUDIENCE,), jwks_file="jwks.json")


def verifier(issuer: Issuer, **changed: Any) -> TokenVerifier:
    rules = dataclasses.replace(BOTH, **changed)
    return TokenVerifier(rules, KeySet(issuer.jwks, rules.algorithms, Clock()))


def segment(data: Any) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hand_made(header: Any, claims: Any, signature: bytes = b"") -> str:
    return f"{segment(header)}.{segment(claims)}.{segment(signature)}"


def hmac_signed(header: Any, secret: bytes) -> str:
    """HS256 by hand: PyJWT itself refuses to sign with a public key."""
    body = f"{segment(header)}.{segment(claims_of(role='admin'))}"
    return f"{body}.{segment(hmac.new(secret, body.encode(), hashlib.sha256).digest())}"


@pytest.mark.parametrize(("algorithm", "kid"), [("RS256", "r1"), ("ES256", "e1"), ("RS256", None)])
def test_a_good_token(issuer: Issuer, algorithm: str, kid: str | None) -> None:
    # Without a kid the only key for the algorithm is meant.
    assert verifier(issuer).caller(issuer.sign(algorithm, kid), ROLES) == Caller(
        "ada", "customer", "jwt"
    )


@pytest.mark.parametrize(
    ("rules", "claims", "caller"),
    [
        ({}, {"aud": [AUDIENCE, "other"]}, ("ada", "customer")),
        ({"audience": ("a", "b")}, {"aud": "b"}, ("ada", "customer")),
        ({"audience": ()}, {"aud": None}, ("ada", "customer")),
        ({}, {"role": "admin"}, ("ada", "admin")),
        (
            {"role_claim": ("realm", "roles")},
            {"realm": {"roles": ["x", "admin"]}},
            ("ada", "admin"),
        ),
        ({"role_claim": ("https://shop/role",)}, {"https://shop/role": "admin"}, ("ada", "admin")),
        ({"caller_claim": ("uid",)}, {"uid": 42}, ("42", "customer")),
        ({"leeway": 86_400}, {"exp": int(time.time()) - 5}, ("ada", "customer")),
        ({"leeway": 86_400}, {"nbf": int(time.time()) + 5}, ("ada", "customer")),
        ({}, {"iat": None}, ("ada", "customer")),
    ],
)
def test_claims_as_the_project_reads_them(
    issuer: Issuer, rules: dict[str, Any], claims: dict[str, Any], caller: tuple[str, str]
) -> None:
    found = verifier(issuer, **rules).caller(issuer.sign(**claims), ROLES)
    assert (found.id, found.role) == caller


NOW = int(time.time())
DAY = 86_400


@pytest.mark.parametrize(
    ("rules", "claims", "code", "words"),
    [
        ({}, {"exp": NOW - DAY}, "token_expired", "expired"),
        ({"leeway": 0}, {"exp": NOW - 1}, "token_expired", "expired"),
        ({}, {"exp": True}, "token_expired", "expired"),
        ({}, {"exp": None}, "bad_token", "`exp` is missing"),
        ({}, {"exp": "soon"}, "bad_token", "malformed"),
        ({}, {"exp": [1]}, "bad_token", "malformed"),
        ({}, {"exp": float("inf")}, "bad_token", "malformed"),
        ({}, {"exp": float("nan")}, "bad_token", "malformed"),
        ({}, {"nbf": NOW + DAY}, "bad_token", "not valid yet"),
        ({}, {"iat": NOW + DAY}, "bad_token", "not valid yet"),
        ({}, {"iss": None}, "bad_token", "`iss` is missing"),
        ({}, {"iss": "https://evil.example/"}, "bad_token", f"is not {ISSUER}"),
        ({}, {"iss": ISSUER + "x"}, "bad_token", f"is not {ISSUER}"),
        ({}, {"aud": None}, "bad_token", "`aud` is missing"),
        ({}, {"aud": []}, "bad_token", "`aud` is missing"),
        ({}, {"aud": "other"}, "bad_token", f"is not {AUDIENCE}"),
        ({}, {"aud": [["shop"]]}, "bad_token", f"is not {AUDIENCE}"),
        ({"audience": ()}, {}, "bad_token", "is not absent"),
        ({}, {"sub": None}, "bad_token", "`sub` is not the caller's id"),
        ({}, {"sub": ""}, "bad_token", "`sub` is not the caller's id"),
        ({}, {"sub": "a" * 201}, "bad_token", "`sub` is not the caller's id"),
        ({}, {"sub": "a\nb"}, "bad_token", "`sub` is not the caller's id"),
        ({"caller_claim": ("uid",)}, {"uid": True}, "bad_token", "`uid` is not the caller's id"),
        ({"caller_claim": ("a", "b")}, {"a": "b"}, "bad_token", "`a.b` is not the caller's id"),
        ({}, {"role": None}, "unknown_role", "names no role of this project"),
        ({}, {"role": "root"}, "unknown_role", "names no role of this project"),
        ({}, {"role": {"admin": True}}, "unknown_role", "names no role of this project"),
        ({}, {"role": ["customer", "admin"]}, "unknown_role", "several roles (customer, admin)"),
    ],
)
def test_a_token_whose_claims_do_not_fit(
    issuer: Issuer, rules: dict[str, Any], claims: dict[str, Any], code: str, words: str
) -> None:
    # Signed by hand where PyJWT would not make such a token.
    header = {"alg": "RS256", "kid": "r1"}
    body = f"{segment(header)}.{segment(claims_of(**claims))}"
    token = f"{body}.{segment(rsa_signature(issuer, body))}"
    with pytest.raises(AuthenticationFailed) as refused:
        verifier(issuer, **rules).caller(token, ROLES)
    assert refused.value.code == code
    assert words in str(refused.value)


def rsa_signature(issuer: Issuer, body: str) -> bytes:
    return jwt.get_algorithm_by_name("RS256").sign(body.encode(), issuer.rsa)


Forge = Callable[[Issuer], str]


def other_rsa(_: Issuer) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return sign(key, "RS256", "r1", role="admin")


def with_its_own_key(_: Issuer) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    headers = {"kid": "mine", "jwk": public, "jku": "https://evil.example/jwks.json"}
    return jwt.encode(claims_of(role="admin"), key, "ES256", headers=headers)


def other_claims(issuer: Issuer) -> str:
    header, _, signature = issuer.sign().split(".")
    return f"{header}.{segment(claims_of(role='admin'))}.{signature}"


def other_header(issuer: Issuer) -> str:
    _, claims, signature = issuer.sign().split(".")
    return f"{segment({'alg': 'ES256', 'kid': 'e1'})}.{claims}.{signature}"


FORGERIES: dict[str, Forge] = {
    "none": lambda i: hand_made({"alg": "none"}, claims_of(role="admin")),
    "None": lambda i: hand_made({"alg": "None"}, claims_of(role="admin")),
    "none with a signature": lambda i: hand_made({"alg": "none"}, claims_of(), b"x"),
    "no alg": lambda i: hand_made({"typ": "JWT"}, claims_of()),
    "null alg": lambda i: hand_made({"alg": None}, claims_of()),
    "a list as alg": lambda i: hand_made({"alg": ["RS256"]}, claims_of()),
    "alg in small letters": lambda i: hand_made({"alg": "rs256", "kid": "r1"}, claims_of()),
    "HS256 by the public PEM": lambda i: hmac_signed({"alg": "HS256"}, i.public_pem()),
    "HS256 by the public PEM, with its kid": lambda i: hmac_signed(
        {"alg": "HS256", "kid": "r1"}, i.public_pem()
    ),
    "HS256 by the JWK": lambda i: hmac_signed(
        {"alg": "HS256", "kid": "r1"}, json.dumps(i.jwk("RS256", "r1")).encode()
    ),
    "HS256 by nothing": lambda i: hmac_signed({"alg": "HS256"}, b""),
    "RS512, not listed": lambda i: sign(i.rsa, "RS512", "r1"),
    "PS256, not listed": lambda i: sign(i.rsa, "PS256", "r1"),
    "another's key": other_rsa,
    "a key of its own in the header": with_its_own_key,
    "unknown kid": lambda i: i.sign(kid="r2"),
    "kid of another type": lambda i: hand_made({"alg": "RS256", "kid": 1}, claims_of()),
    "kid that is a path": lambda i: i.sign(kid="../../dev/null"),
    "kid of the other algorithm": lambda i: i.sign("ES256", "r1"),
    "claims changed": other_claims,
    "header changed": other_header,
    "signature taken away": lambda i: i.sign().rsplit(".", 1)[0] + ".",
    "an unknown critical header": lambda i: jwt.encode(
        claims_of(), i.rsa, "RS256", headers={"kid": "r1", "crit": ["exp2"], "exp2": 1}
    ),
    "b64 false": lambda i: hand_made({"alg": "RS256", "kid": "r1", "b64": False}, claims_of()),
    "claims that are a list": lambda i: hand_made({"alg": "RS256", "kid": "r1"}, [1]),
    "a header of nothing but brackets": lambda i: f"{segment(b'[' * 5000)}.e30.e30",
    "empty parts": lambda i: "..",
}


@pytest.mark.parametrize("how", FORGERIES)
@pytest.mark.parametrize("algorithms", [("RS256", "ES256"), ("RS256",)])
def test_forgeries(
    issuer: Issuer, how: str, algorithms: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    token = FORGERIES[how](issuer)
    with caplog.at_level(logging.DEBUG), pytest.raises(AuthenticationFailed) as refused:
        verifier(issuer, algorithms=algorithms).caller(token, ROLES)
    assert refused.value.code == "bad_token"
    said = f"{refused.value} {refused.value!r} {caplog.text}"
    assert all(part not in said for part in token.split(".") if part)
    assert "kid" not in refused.value.headers["WWW-Authenticate"]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_token_makes_it_fail_in_another_way(issuer: Issuer, data: st.DataObject) -> None:
    good = issuer.sign()
    damage = st.tuples(st.integers(0, len(good) - 1), st.characters(max_codepoint=127))
    at, letter = data.draw(damage)
    changed = st.just(good[:at] + letter + good[at + 1 :])
    junk = st.builds(
        hand_made,
        st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "typ"]), JSON),
        JSON,
        st.binary(max_size=8),
    )
    token = data.draw(changed | junk | st.text(st.characters(max_codepoint=127), max_size=80))
    code = None
    try:
        verifier(issuer).caller(token, ROLES)
    except AuthenticationFailed as refused:
        code = refused.code
    assert code == (None if token == good else "bad_token")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["RS256", "r1", "b64"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


class TestSecret:
    """HS256, with the secret from the environment."""

    TEXT = (
        PROJECT
        + f"jwt: {{algorithms: [HS256], secret: SHOP_JWT, issuer: '{ISSUER}', audience: shop}}\n"
    )

    def verifier(self, folder: pathlib.Path) -> TokenVerifier:
        found = TokenVerifier.of(project_of(folder, self.TEXT), folder)
        assert found is not None
        return found

    def test_a_good_token(self, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SHOP_JWT", SECRET)
        tokens = self.verifier(tmp_path)
        assert tokens.caller(sign(SECRET, "HS256"), ROLES) == Caller("ada", "customer", "jwt")
        assert tokens.caller(sign(SECRET, "HS256", "any kid"), ROLES).id == "ada"

    @pytest.mark.parametrize(
        "how", ["another secret", "none", "RS256", "HS512", "nothing but the header changed"]
    )
    def test_forgeries(
        self, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, issuer: Issuer, how: str
    ) -> None:
        monkeypatch.setenv("SHOP_JWT", SECRET)
        good = sign(SECRET, "HS256")
        token = {
            "another secret": sign(SECRET + "!", "HS256"),
            "none": hand_made({"alg": "none"}, claims_of()),
            "RS256": issuer.sign(),
            "HS512": sign(SECRET * 2, "HS512"),
            "nothing but the header changed": f"{segment({'alg': 'RS256'})}.{good.split('.', 1)[1]}",
        }[how]
        with pytest.raises(AuthenticationFailed, match="The token is refused") as refused:
            self.verifier(tmp_path).caller(token, ROLES)
        assert refused.value.code == "bad_token"

    @pytest.mark.parametrize(
        ("secret", "words"),
        [
            (None, "SHOP_JWT is not set"),
            ("  ", "SHOP_JWT is not set"),
            ("hunter2", "SHOP_JWT has 7 bytes"),
            ("PUBLIC", "holds a public or private key"),
            ("PRIVATE", "holds a public or private key"),
            ("JWK", "holds a public or private key"),
        ],
    )
    def test_a_secret_that_is_none(
        self,
        tmp_path: pathlib.Path,
        monkeypatch: pytest.MonkeyPatch,
        issuer: Issuer,
        secret: str | None,
        words: str,
    ) -> None:
        keys = {"PUBLIC": issuer.public_pem(), "PRIVATE": issuer.private_pem()}
        keys["JWK"] = json.dumps(issuer.jwk("RS256", "r1")).encode()
        if secret is None:
            monkeypatch.delenv("SHOP_JWT", raising=False)
        else:
            monkeypatch.setenv("SHOP_JWT", keys.get(secret, secret.encode()).decode())
        with pytest.raises(BadInput, match=words) as refused:
            self.verifier(tmp_path)
        assert "hunter2" not in str(refused.value)

    def test_the_secret_is_in_no_repr(
        self, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SHOP_JWT", SECRET)
        tokens = self.verifier(tmp_path)
        shown = f"{tokens!r} {vars(tokens)!r} {project_of(tmp_path, self.TEXT)!r}"
        assert SECRET not in shown
        assert "SHOP_JWT" in shown


def test_a_project_without_jwt_has_no_verifier(tmp_path: pathlib.Path) -> None:
    assert TokenVerifier.of(project_of(tmp_path), tmp_path) is None
