from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import PROJECT
from tests.outbox.support import Server, Shop, opened, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture
def make_shop(make_project: Callable[..., Any], server: Server) -> Iterator[Callable[..., Shop]]:
    """A shop whose flow `created` has these nodes (on customer.created); URL is the server's."""
    shops: list[Shop] = []

    def make(nodes: str, *, project: str = "http: {allow: [127.0.0.1]}\n", **flows: str) -> Shop:
        head = "flow: created\ntrigger: {stripe: [customer.created]}\nnodes:\n"
        written = textwrap.indent(textwrap.dedent(nodes), "  ").replace("URL", server.url)
        shop = opened(make_project(PROJECT + project, created=head + written, **flows))
        shops.append(shop)
        return shop

    yield make
    for shop in shops:
        shop.store.close()
