"""The studio opens to the admin role only, and a session's writes come from its own pages only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import httpx
import pytest

from engine.model import StudioRules
from engine.store import keys as stored
from engine.store.base import Transaction
from engine.web.studio import studio_routes
from tests.acceptance.shop import Shop

GUARDED = sorted(
    {
        (method, re.sub(r"{id:int}", "1", re.sub(r"{(?!id:int)[^}]*}", "x", route.path)))
        for route in studio_routes
        if hasattr(route, "methods") and "sign" not in route.path
        for method in (route.methods or ())
    }
)
WRITES = [path for method, path in GUARDED if method == "POST"]
STRICT = {
    "content-security-policy": re.compile(r"default-src 'none'; script-src 'self'; style-src 'self'"),
    "x-content-type-options": re.compile("nosniff"),
    "x-frame-options": re.compile("DENY"),
    "referrer-policy": re.compile("no-referrer"),
}  # fmt: skip
SECRETS = re.compile(r"af_[A-Za-z0-9_-]{20,}|sk_test|whsec_|_secret_[A-Za-z0-9]{8}")


@pytest.fixture
def guarded(shop: Shop) -> Shop:
    return shop


class Visitor(httpx.Client):
    """A client that has sent the sign-in form; `answer` is what it got."""

    def __init__(self, shop: Shop, token: str, *, next: str = "", csrf: str | None = None) -> None:
        super().__init__(base_url=shop.url, trust_env=False)
        page = self.get("/studio/sign-in", params={"next": next})
        [field] = re.findall(r'name="csrf" value="([^"]+)"', page.text)
        form = {"token": token, "csrf": field if csrf is None else csrf, "next": next}
        self.answer = self.post("/studio/sign-in", data=form)

    @property
    def token(self) -> str:
        """The CSRF token of the session's pages."""
        [found] = re.findall(r'name="csrf" content="([^"]+)"', self.get("/studio/runs").text)
        return str(found)


@pytest.fixture
def admin(shop: Shop) -> Iterator[Visitor]:
    """Somebody who is signed in."""
    with closing(Visitor(shop, shop.keys["admin"])) as visitor:
        yield visitor


def test_no_route_gives_anything_without_a_session(guarded: Shop) -> None:
    assert len(GUARDED) > 15
    for method, path in GUARDED:
        answer = guarded.client.request(method, path, follow_redirects=False)
        assert answer.status_code in (303, 401), (method, path, answer.status_code)
        assert "order_id" not in answer.text


@pytest.mark.parametrize("role", ["customer", "admin"])
def test_a_bearer_header_opens_nothing(guarded: Shop, role: str) -> None:
    header = {"Authorization": f"Bearer {guarded.keys[role]}"}
    for method, path in GUARDED:
        answer = guarded.client.request(method, path, headers=header, follow_redirects=False)
        assert answer.status_code in (303, 401), (method, path)


def test_only_an_admin_signs_in(shop: Shop) -> None:
    for token, status, said in [
        (shop.keys["customer"], 403, "the studio is for &#x27;admin&#x27;"),
        ("af_" + "x" * 43, 401, "alert"),
        ("", 401, "alert"),
    ]:
        with closing(Visitor(shop, token)) as client:
            assert client.answer.status_code == status
            assert said in client.answer.text
            assert client.get("/studio/api/runs").status_code == 401


def test_the_sign_in_form_has_to_come_from_its_page(shop: Shop) -> None:
    with closing(Visitor(shop, shop.keys["admin"], csrf="x" * 32)) as client:
        assert client.answer.status_code == 403
        assert client.get("/studio/api/runs").status_code == 401


def test_after_signing_in_one_stays_in_the_studio(shop: Shop) -> None:
    for next, target in [
        ("/studio/flows?x=1", "/studio/flows?x=1"),
        ("", "/studio/runs"),
        ("https://attacker.example/", "/studio/runs"),
        ("//attacker.example/studio/", "/studio/runs"),
        ("/studio/\\attacker.example", "/studio/runs"),
        ("/studio/sign-out", "/studio/runs"),
        ("/studio/api/runs", "/studio/runs"),
    ]:
        with closing(Visitor(shop, shop.keys["admin"], next=next)) as client:
            assert client.answer.status_code == 303
            assert client.answer.headers["location"] == target
            cookie = client.answer.headers["set-cookie"].lower()
            for word in ("httponly", "samesite=strict", "path=/studio"):
                assert word in cookie


def test_a_write_needs_the_csrf_token_and_json(shop: Shop, admin: Visitor) -> None:
    json, form = {"json": {}}, {"data": {"x": "1"}}
    right, wrong = {"X-CSRF-Token": admin.token}, {"X-CSRF-Token": "x" * 43}
    for path in WRITES:
        assert admin.post(path, **json).status_code == 403, path
        assert admin.post(path, headers=wrong, **json).status_code == 403, path
        assert admin.post(path, headers=right, **form).status_code == 400, path
    assert admin.post("/studio/api/inbox/replay-dead", headers=right, **json).status_code == 200
    assert admin.post("/studio/sign-out").status_code == 403
    assert admin.get("/studio/api/runs").status_code == 200


def test_one_sessions_token_is_worth_nothing_in_another(shop: Shop, admin: Visitor) -> None:
    with closing(Visitor(shop, shop.keys["admin"])) as other:
        headers = {"X-CSRF-Token": admin.token}
        answer = other.post("/studio/api/inbox/replay-dead", headers=headers, json={})
        assert answer.status_code == 403


def test_a_session_ends_with_signing_out_and_with_its_key(shop: Shop, admin: Visitor) -> None:
    cookies = dict(admin.cookies)
    answer = admin.post("/studio/sign-out", data={"csrf": admin.token})
    assert answer.headers["location"] == "/studio/sign-in"
    copied = httpx.get(f"{shop.url}/studio/api/runs", cookies=cookies, trust_env=False)
    assert copied.status_code == 401, "a copied cookie is worth nothing either"
    with closing(Visitor(shop, shop.keys["admin"])) as again:
        assert again.get("/studio/api/runs").status_code == 200

        def revoke(tx: Transaction) -> None:
            stored.revoke(tx, shop.keys["admin"][: len("af_") + 8])

        shop.service.writer.submit(revoke).result()
        assert again.get("/studio/api/runs").status_code == 401


def test_a_session_ends_by_itself(shop: Shop, admin: Visitor) -> None:
    with shop.service.store.transaction() as tx:
        tx.execute("UPDATE actionflow_session SET expires_at = '2020-01-01T00:00:00Z'")
    assert admin.get("/studio/api/runs").status_code == 401


def test_every_answer_is_strict_and_no_page_has_a_script_of_its_own(
    shop: Shop, admin: Visitor
) -> None:
    pages = [path for method, path in GUARDED if method == "GET" and "/api/" not in path]
    others = ["sign-in", "api/runs", "static/run.js", "static/none.js"]
    for path in [*pages, *(f"/studio/{name}" for name in others)]:
        answer = admin.get(path)
        for name, pattern in STRICT.items():
            assert pattern.search(answer.headers.get(name, "")), (path, name)
        assert "unsafe" not in answer.headers["content-security-policy"]
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|style=", answer.text), path
    assert admin.get("/studio/api/runs").headers["cache-control"] == "no-store"


def test_the_editors_words_are_sent_once(shop: Shop, admin: Visitor) -> None:
    first = admin.get("/studio/api/words")
    assert first.status_code == 200
    assert first.headers["cache-control"] == "private, no-cache"
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = admin.get("/studio/api/words", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = admin.get("/studio/api/words", headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)
    stranger = shop.client.get("/studio/api/words", headers={"If-None-Match": tag})
    assert stranger.status_code == 401
    file = replace(shop.service.project.file, config={"news": 1})
    shop.service.project = replace(shop.service.project, file=file)
    changed = admin.get("/studio/api/words", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_no_secret_is_shown(shop: Shop, admin: Visitor) -> None:
    assert shop.act("pay", {"orderId": 1}).status_code == 200
    shop.deliver()
    looked = 0
    for method, path in GUARDED:
        if method != "GET":
            continue
        for one in (path, path.replace("/x", "/payment"), path.replace("/x", "/payment_callback")):
            answer = admin.get(one)
            looked += answer.status_code == 200
            assert not SECRETS.search(answer.text), one
    listed = admin.get("/studio/api/inbox").json()["events"]
    for event in listed:
        answer = admin.get(f"/studio/api/inbox/{event['id']}")
        assert not SECRETS.search(answer.text)
        assert '"client_secret":null' in answer.text or "hidden" in answer.text
    runs = admin.get("/studio/api/runs").json()["runs"]
    for run in runs:
        assert not SECRETS.search(admin.get(f"/studio/api/runs/{run['id']}").text)
    assert looked > 15
    assert listed
    assert len(runs) > 2


def test_a_studio_that_is_off_is_not_there(shop: Shop, admin: Visitor) -> None:
    project = shop.service.project
    off = replace(project.file, studio=StudioRules(on=False))
    shop.service.project = replace(project, file=off)
    others = [
        ("GET", "/studio/sign-in"),
        ("POST", "/studio/sign-in"),
        ("GET", "/studio/static/run.js"),
    ]
    for method, path in [*GUARDED, *others, ("POST", "/studio/sign-out")]:
        answer = admin.request(method, path, follow_redirects=False)
        assert answer.status_code == 404, (method, path)
        assert answer.text in ("Not Found", "")
