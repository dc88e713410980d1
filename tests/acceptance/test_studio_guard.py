"""The studio opens to the admin role only, whatever route is tried."""

from __future__ import annotations

import re

import pytest

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


@pytest.fixture
def guarded(shop: Shop) -> Shop:
    return shop


def test_no_route_gives_anything_without_a_session(guarded: Shop) -> None:
    assert len(GUARDED) > 15
    for method, path in GUARDED:
        answer = guarded.client.request(method, path, follow_redirects=False)
        assert answer.status_code in (303, 302, 401, 403), (method, path, answer.status_code)
        assert "order_id" not in answer.text


def test_a_customer_key_or_a_bearer_header_opens_nothing(guarded: Shop) -> None:
    for name in ("customer", "admin"):
        header = {"Authorization": f"Bearer {guarded.keys[name]}"}
        for method, path in GUARDED:
            if name == "customer":
                answer = guarded.client.request(
                    method, path, headers=header, follow_redirects=False
                )
                assert answer.status_code in (303, 302, 401, 403), (method, path)
