"""The issuer's keys: which of them are used, when they are fetched, and from where."""

from __future__ import annotations

import itertools
import json
import logging
import pathlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest

from engine.access import AuthenticationFailed, KeysUnavailable, TokenVerifier
from engine.access.jwks import MOST_BYTES, KeySet, SetUnreadable, from_url
from engine.errors import BadInput
from tests.access.support import ISSUER, PROJECT, Clock, Issuer, project_of

ROLES = ("customer",)
ANY = ("RS256", "ES256")


class Source:
    """A place to fetch from, that counts and can fail."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.fetched = 0
        self.down = False

    def __call__(self) -> bytes:
        self.fetched += 1
        if self.down:
            raise SetUnreadable("down")
        return self.body


def keys_of(*listed: dict[str, Any]) -> bytes:
    return json.dumps({"keys": listed}).encode()


def test_the_set_is_fetched_once_and_again_when_it_is_old(issuer: Issuer) -> None:
    source, clock = Source(issuer.jwks()), Clock()
    keys = KeySet(source, ANY, clock)
    for _ in range(5):
        assert keys.key("RS256", "r1") is not None
    assert source.fetched == 1
    clock.now += 3600
    assert keys.key("RS256", "r1") is not None
    assert source.fetched == 2


def test_an_unknown_kid_fetches_at_most_once_a_minute(issuer: Issuer) -> None:
    source, clock = Source(issuer.jwks()), Clock()
    keys = KeySet(source, ANY, clock)
    for second in range(120):
        assert keys.key("RS256", f"guess{second}") is None
        clock.now += 1
    assert source.fetched == 2


def test_a_rotated_key_is_found_and_the_old_one_goes(issuer: Issuer) -> None:
    source, clock = Source(issuer.jwks()), Clock()
    keys = KeySet(source, ANY, clock)
    assert keys.key("RS256", "r1") is not None
    source.body = keys_of(issuer.jwk("RS256", "r2"))
    clock.now += 60
    assert keys.key("RS256", "r2") is not None
    assert keys.key("RS256", "r1") is None


@pytest.mark.parametrize("fault", ["down", "junk"])
def test_keys_stay_while_the_issuer_is_away(
    issuer: Issuer, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    source, clock = Source(issuer.jwks()), Clock()
    keys = KeySet(source, ANY, clock)
    assert keys.key("RS256", "r1") is not None
    source.down, source.body = fault == "down", b"<html>"
    clock.now += 7200
    assert keys.key("RS256", "r1") is not None
    assert keys.key("RS256", "r2") is None
    assert source.fetched == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_without_any_set_no_token_is_judged(issuer: Issuer) -> None:
    source, clock = Source(issuer.jwks()), Clock()
    source.down = True
    keys = KeySet(source, ANY, clock)
    for _ in range(10):
        with pytest.raises(KeysUnavailable) as refused:
            keys.key("RS256", "r1")
        assert refused.value.status == 503
        assert refused.value.headers == {"Retry-After": "5"}
    assert source.fetched == 1
    source.down = False
    clock.now += 5
    assert keys.key("RS256", "r1") is not None


def test_threads_that_come_together_fetch_once(issuer: Issuer) -> None:
    source = Source(issuer.jwks())
    keys = KeySet(source, ANY, Clock())
    gate = threading.Barrier(8)
    found: list[object] = []

    def ask() -> None:
        gate.wait()
        found.append(keys.key("RS256", "r1"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.fetched == 1
    assert len(found) == 8
    assert None not in found


Change = Callable[[Issuer], bytes]
UNUSABLE: dict[str, Change] = {
    "for encryption": lambda i: keys_of(i.jwk("RS256", "r1", use="enc")),
    "of another algorithm": lambda i: keys_of(i.jwk("RS256", "r1", alg="RS512")),
    "symmetric": lambda i: keys_of({"kty": "oct", "k": "c2VjcmV0", "kid": "r1", "alg": "HS256"}),
    "symmetric, said to be RS256": lambda i: keys_of(
        {"kty": "oct", "k": "c2VjcmV0", "kid": "r1", "alg": "RS256"}
    ),
    "on another curve": lambda i: keys_of({**i.jwk("ES256", "r1"), "crv": "P-384"}),
    "cut": lambda i: keys_of({"kty": "RSA", "kid": "r1", "e": "AQAB"}),
    "no object": lambda i: b'{"keys": ["r1", 1, null]}',
    "none": lambda i: b'{"keys": []}',
    "no list": lambda i: b'{"keys": {"r1": 1}}',
    "null": lambda i: b'{"keys": null}',
    "no set": lambda i: b"[]",
    "no JSON": lambda i: b"<html>not found</html>",
    "no text": lambda i: b"\xff\xfe\x00",
    "brackets": lambda i: b"[" * 100_000,
}


@pytest.mark.parametrize("how", UNUSABLE)
def test_sets_without_a_usable_key(issuer: Issuer, how: str) -> None:
    with pytest.raises(SetUnreadable, match=r"not a JWKS|none of them a public signing key"):
        KeySet(Source(UNUSABLE[how](issuer)), ANY, Clock()).load()


def test_unusable_keys_beside_a_good_one_do_no_harm(issuer: Issuer) -> None:
    mixed = keys_of({"kty": "OKP", "crv": "X448", "kid": "x"}, {}, issuer.jwk("RS256", "r1"))
    keys = KeySet(Source(mixed), ANY, Clock())
    assert keys.key("RS256", "r1") is not None
    assert keys.key("ES256", "r1") is None


def test_without_kid_two_keys_are_one_too_many(issuer: Issuer) -> None:
    two = keys_of(issuer.jwk("RS256", "r1"), Issuer().jwk("RS256", "r2"))
    keys = KeySet(Source(two), ANY, Clock())
    assert keys.key("RS256", None) is None
    assert keys.key("RS256", "r2") is not None


def test_a_short_rsa_key_is_refused(issuer: Issuer) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from tests.access.support import sign
    from tests.access.test_tokens import BOTH

    short = Issuer()
    short.rsa = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    tokens = TokenVerifier(BOTH, KeySet(Source(short.jwks()), ANY, Clock()))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = sign(short.rsa, "RS256", "r1")
    with pytest.raises(AuthenticationFailed) as refused:
        tokens.caller(token, ROLES)
    assert refused.value.code == "bad_token"


class TestFile:
    TEXT = (
        PROJECT
        + f"jwt: {{algorithms: [RS256], jwks_file: keys/jwks.json, issuer: '{ISSUER}', audience: shop}}\n"
    )

    def test_it_stands_beside_the_project_file(
        self, tmp_path: pathlib.Path, issuer: Issuer
    ) -> None:
        (tmp_path / "keys").mkdir()
        (tmp_path / "keys" / "jwks.json").write_bytes(issuer.jwks())
        tokens = TokenVerifier.of(project_of(tmp_path, self.TEXT), tmp_path)
        assert tokens is not None
        assert tokens.caller(issuer.sign(), ROLES).id == "ada"

    @pytest.mark.parametrize(
        ("body", "words"), [(None, "cannot be read"), (b"{}", "not a JWKS"), (b"", "not a JWKS")]
    )
    def test_a_file_that_is_none_is_said_at_once(
        self, tmp_path: pathlib.Path, body: bytes | None, words: str
    ) -> None:
        (tmp_path / "keys").mkdir()
        if body is not None:
            (tmp_path / "keys" / "jwks.json").write_bytes(body)
        with pytest.raises(BadInput, match=f"jwt.jwks_file: .*{words}"):
            TokenVerifier.of(project_of(tmp_path, self.TEXT), tmp_path)


class TestUrl:
    """Over real HTTP, on loopback."""

    @pytest.fixture
    def url(self, issuer: Issuer) -> Iterator[str]:
        answers = {
            "/jwks": (200, issuer.jwks()),
            "/large": (200, b" " * (MOST_BYTES + 1)),
            "/moved": (302, b""),
            "/broken": (500, b"no"),
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = answers[self.path]
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/jwks")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Not into the tests' output."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
        server.server_close()

    def test_a_token_is_verified_with_the_keys_there(
        self, url: str, tmp_path: pathlib.Path, issuer: Issuer
    ) -> None:
        text = PROJECT + (
            f"jwt: {{algorithms: [ES256], jwks_url: '{url}/jwks', issuer: '{ISSUER}', audience: shop}}\n"
        )
        tokens = TokenVerifier.of(project_of(tmp_path, text), tmp_path)
        assert tokens is not None
        assert tokens.caller(issuer.sign("ES256", "e1"), ROLES).id == "ada"

    @pytest.mark.parametrize(
        ("path", "words"),
        [("/large", "more than"), ("/moved", "answered 302"), ("/broken", "answered 500")],
    )
    def test_answers_that_are_no_set(self, url: str, path: str, words: str) -> None:
        with pytest.raises(SetUnreadable, match=words):
            from_url(url + path)()

    def test_an_answer_that_takes_too_long(self, url: str) -> None:
        ticks = itertools.count(step=6)
        with pytest.raises(SetUnreadable, match="took more than"):
            from_url(f"{url}/jwks", lambda: float(next(ticks)))()

    def test_nobody_there(self) -> None:
        with pytest.raises(SetUnreadable, match="cannot be reached"):
            from_url("http://127.0.0.1:1/jwks")()
