"""What opens a stream stands in addresses and headers: never in anything that the server writes."""

from __future__ import annotations

import pathlib
import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.client.place import Place

WRONG = "af_" + "w" * 43


@pytest.fixture
def place(tmp_path: pathlib.Path) -> Iterator[Place]:
    made = Place(tmp_path / "flows", log=tmp_path / "log")
    made.server.start()
    yield made
    made.server.kill()  # where the test did not come as far as stopping it
    made.store.close()


def headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_no_ticket_and_no_key_is_written(place: Place, tmp_path: pathlib.Path) -> None:
    with httpx.Client(base_url=place.server.url, trust_env=False) as client:
        ticket = client.post("/tickets", headers=headers(place.key)).json()["ticket"]
        stream = f"/tables/order/subscribe?ticket={ticket}"
        with client.stream("GET", stream) as opened:
            assert opened.status_code == 200
            assert next(opened.iter_lines()).startswith("retry")
        asked = {
            f"{stream}x": 401,  # does not hold
            f"{stream}&limit=0": 400,
            f"/tables/order?ticket={ticket}": 401,
            f"/table/order?ticket={ticket}": 404,
            f"/actions/pay?ticket={ticket}": 405,
            f"/webhooks/stripe?ticket={ticket}": 405,
        }
        assert {path: client.get(path).status_code for path in asked} == asked
        assert client.get("/tables/order", headers=headers(place.key)).status_code == 200
        assert client.get("/tables/order", headers=headers(WRONG)).status_code == 401
        assert client.post(f"/webhooks/stripe?ticket={ticket}", content=b"{}").status_code == 400
    # What is no HTTP is answered and logged below the application.
    address = httpx.URL(place.server.url)
    with socket.create_connection((address.host, address.port or 0), 10) as raw:
        raw.sendall(f"GET {stream}\r\nnonsense {ticket}\r\n\r\n".encode())
        raw.recv(1000)
    assert place.server.stop() == 0

    log = (tmp_path / "log").read_text()
    for told in ("unknown_key", "Invalid HTTP request"):
        assert told in log, "it does write"
    secrets = {"ticket": ticket, "its signature": ticket.rpartition(".")[2], "key": place.key}
    assert [name for name, text in {**secrets, "wrong key": WRONG}.items() if text in log] == []
    assert "subscribe" not in log, "no address is written at all"
    written = b"".join(
        path.read_bytes() for path in (tmp_path / "flows/.actionflow").iterdir() if path.is_file()
    )
    assert place.key.encode() not in written
    assert ticket.encode() not in written
