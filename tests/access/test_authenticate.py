"""From the header to the caller, keys and tokens alike."""

from __future__ import annotations

import contextlib
import hmac
import logging
from typing import Any

import pytest

from engine.access import (
    AuthenticationFailed,
    Caller,
    FailureLimit,
    TokenVerifier,
    TooManyFailures,
    authenticate,
)
from engine.access import keys as access_keys
from engine.access.jwks import KeySet
from engine.access.keys import create, digest, new_key
from engine.model import ProjectFile
from engine.store import keys
from engine.store.base import Store
from tests.access.support import Clock, Issuer
from tests.access.test_tokens import BOTH


def made(store: Store, project: ProjectFile, role: str = "customer", **more: Any) -> str:
    with store.transaction() as tx:
        return create(tx, project, role=role, **more)


def code_of(header: str | None, project: ProjectFile, store: Store, **more: Any) -> str:
    with pytest.raises(AuthenticationFailed) as refused:
        authenticate(header, project=project, store=store, **more)
    assert refused.value.status == 401
    assert refused.value.headers["WWW-Authenticate"].startswith('Bearer realm="actionflow"')
    return refused.value.code


def test_a_key_speaks_for_its_caller(project: ProjectFile, store: Store) -> None:
    key = made(store, project, caller="ada")
    assert authenticate(f"Bearer {key}", project=project, store=store) == Caller(
        "ada", "customer", "key"
    )


def test_a_key_without_a_caller_speaks_for_itself(project: ProjectFile, store: Store) -> None:
    key = made(store, project, role="admin")
    found = authenticate(f"bearer  {key} ", project=project, store=store)
    assert found == Caller(f"key:{key[:11]}", "admin", "key")


def test_keys_differ_and_only_their_digest_is_kept(project: ProjectFile, store: Store) -> None:
    made_keys = {made(store, project) for _ in range(20)}
    assert len(made_keys) == 20
    assert {len(key) for key in made_keys} == {46}
    with store.reader() as tx:
        kept = tx.execute("SELECT * FROM actionflow_key")
    assert len(kept) == 20
    assert all(key not in repr(kept) for key in made_keys)
    assert {row["digest"] for row in kept} == {digest(key) for key in made_keys}


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "af_x", "Bearer\t"]
)
def test_no_credentials(project: ProjectFile, store: Store, header: str | None) -> None:
    assert code_of(header, project, store) == "no_credentials"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (f"Bearer {'af_' + 'x' * 43}", "unknown_key"),
        ("Bearer af_", "unknown_key"),
        ("Bearer af_' OR 1=1 --", "unknown_key"),
        ("Bearer hello", "bad_token"),
        ("Bearer a.b", "bad_token"),
        ("Bearer a.b.c", "bad_token"),  # this project takes no tokens
        ("Bearer af_é", "bad_token"),
        ("Bearer af_" + "x" * 10_000, "bad_token"),
        ("Bearer " + "." * 10_000, "bad_token"),
    ],
)
def test_what_is_no_key_and_no_token(
    project: ProjectFile, store: Store, header: str, code: str
) -> None:
    assert code_of(header, project, store) == code


def test_an_oversized_token_is_not_even_read(
    project: ProjectFile, store: Store, issuer: Issuer
) -> None:
    tokens = TokenVerifier(BOTH, KeySet(issuer.jwks, BOTH.algorithms, Clock()))
    token = issuer.sign(padding="x" * 8192)
    assert code_of(f"Bearer {token}", project, store, tokens=tokens) == "bad_token"
    small = issuer.sign(padding="x" * 4000)
    found = authenticate(f"Bearer {small}", project=project, store=store, tokens=tokens)
    assert found == Caller("ada", "customer", "jwt")


def test_one_letter_more_or_other_is_unknown(project: ProjectFile, store: Store) -> None:
    key = made(store, project)
    for other in (
        key + "x",
        key[:-1],
        key[:3] + key[3:].swapcase(),
        key[:-1] + ("a" if key[-1] != "a" else "b"),
    ):
        assert code_of(f"Bearer {other}", project, store) == "unknown_key"


def test_a_revoked_key(project: ProjectFile, store: Store) -> None:
    key = made(store, project)
    with store.transaction() as tx:
        assert keys.revoke(tx, key[:11])
        assert not keys.revoke(tx, key[:11])
    assert code_of(f"Bearer {key}", project, store) == "revoked_key"


def test_unknown_revoked_and_good_keys_do_the_same_work(
    project: ProjectFile, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, revoked = made(store, project), made(store, project)
    with store.transaction() as tx:
        keys.revoke(tx, revoked[:11])
    work: list[tuple[str, int]] = []
    find, compare = keys.find, hmac.compare_digest

    def counted_find(tx: Any, wanted: str) -> Any:
        work.append(("find", len(wanted)))
        return find(tx, wanted)

    def counted_compare(a: str, b: str) -> bool:
        work.append(("compare", len(a) + len(b)))
        return compare(a, b)

    monkeypatch.setattr(access_keys.keys, "find", counted_find)
    monkeypatch.setattr(access_keys.hmac, "compare_digest", counted_compare)
    seen = []
    for key in (good, revoked, new_key()):
        work.clear()
        with contextlib.suppress(AuthenticationFailed):
            authenticate(f"Bearer {key}", project=project, store=store)
        seen.append(tuple(work))
    assert seen[0] == seen[1] == seen[2] == (("find", 64), ("compare", 128))


def test_a_role_that_the_project_gave_up(project: ProjectFile, store: Store) -> None:
    with store.transaction() as tx:
        key = new_key()
        keys.add(tx, digest=digest(key), prefix=key[:11], role="boss", caller="x", label=None)
    assert code_of(f"Bearer {key}", project, store) == "unknown_role"


class TestLimit:
    """Failures of one address, and what they cost."""

    def test_guesses_run_out_and_even_the_right_one_is_not_heard(
        self, project: ProjectFile, store: Store
    ) -> None:
        clock = Clock()
        limit = FailureLimit(burst=3, seconds_each=10, clock=clock)
        good = f"Bearer {made(store, project, caller='ada')}"
        given: dict[str, Any] = {"project": project, "store": store, "limit": limit}
        for _ in range(3):
            assert code_of("Bearer af_guess", address="192.0.2.1", **given) == "unknown_key"
        for header in ("Bearer af_guess", good, None):
            with pytest.raises(TooManyFailures) as refused:
                authenticate(header, address="192.0.2.1", **given)
            assert refused.value.retry_after == 10
        assert authenticate(good, address="192.0.2.2", **given).id == "ada"
        clock.now += 10
        assert authenticate(good, address="192.0.2.1", **given).id == "ada"

    def test_a_success_buys_no_guesses(self, project: ProjectFile, store: Store) -> None:
        limit = FailureLimit(burst=3, seconds_each=10, clock=Clock())
        good = f"Bearer {made(store, project)}"
        given: dict[str, Any] = {"project": project, "store": store, "limit": limit}
        for _ in range(3):
            assert authenticate(good, address="192.0.2.1", **given).role == "customer"
            assert code_of("Bearer af_guess", address="192.0.2.1", **given) == "unknown_key"
        with pytest.raises(TooManyFailures):
            authenticate(good, address="192.0.2.1", **given)

    def test_callers_who_succeed_or_send_nothing_are_never_limited(
        self, project: ProjectFile, store: Store
    ) -> None:
        limit = FailureLimit(burst=3, seconds_each=10, clock=Clock())
        good = f"Bearer {made(store, project, caller='ada')}"
        given: dict[str, Any] = {"project": project, "store": store, "limit": limit}
        for _ in range(20):
            assert authenticate(good, address="192.0.2.1", **given).id == "ada"
            assert code_of(None, address="192.0.2.1", **given) == "no_credentials"


def test_nothing_secret_is_logged_or_shown(
    project: ProjectFile, store: Store, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = TokenVerifier(BOTH, KeySet(issuer.jwks, BOTH.algorithms, Clock()))
    good, revoked = made(store, project, caller="ada"), made(store, project)
    with store.transaction() as tx:
        keys.revoke(tx, revoked[:11])
    credentials = [
        good,
        revoked,
        new_key(),
        issuer.sign(),
        issuer.sign(exp=1),
        issuer.sign(kid="x"),
    ]
    said = ""
    with caplog.at_level(logging.DEBUG):
        for one in credentials:
            try:
                said += repr(
                    authenticate(
                        f"Bearer {one}", project=project, store=store, tokens=tokens, address="::1"
                    )
                )
            except AuthenticationFailed as refused:
                said += f"{refused!r} {refused} {refused.headers}"
    said += caplog.text
    assert "authentication failed from ::1: revoked_key" in said
    for one in credentials:
        for part in one.split("."):
            assert part not in said
            assert part[11:] not in said
