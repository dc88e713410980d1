"""Sending one call over real sockets: pinned addresses, TLS by name, limits of time and size."""

from __future__ import annotations

import pathlib
import shutil
import socket
import ssl
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engine.model import HttpRules
from engine.net import Guard, Refused, Request
from engine.net.client import MOST_ANSWER, Unanswered, send
from engine.net.inline import ask
from tests.outbox.support import Server, serving

LOCAL = Guard.of(["127.0.0.0/8"])


def request(url: str, **more: Any) -> Request:
    return Request(**{"method": "POST", "url": url, "timeout": 5, "key": "af_1", **more})


def test_it_sends_what_the_request_says_and_little_else(server: Server) -> None:
    server.says((201, {"ETag": "x", "Set-Cookie": "a=b", "Content-Type": "text/plain"}, b"made"))
    reply = send(request(f"{server.url}/a?b=c", headers={"X-Name": "Café"}, body="tea"), LOCAL)
    assert (reply.status, reply.ok, reply.text) == (201, True, "made")
    assert reply.headers == {"etag": "x", "content-type": "text/plain"}
    [heard] = server.heard
    assert heard.headers.pop("user-agent").startswith("actionflow/")
    assert heard.headers.pop("x-name").encode("latin-1").decode() == "Café"
    assert heard.headers == {
        "host": f"127.0.0.1:{server.port}",
        "idempotency-key": "af_1",
        "accept-encoding": "identity",
        "content-length": "3",
    }


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method(server: Server, method: str) -> None:
    assert send(request(server.url, method=method), LOCAL).status == 200
    assert server.heard[0].method == method


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(server: Server, status: int) -> None:
    server.says((status, {"Location": f"{server.url}/other"}, b""))
    reply = send(request(server.url), LOCAL)
    assert (reply.status, reply.ok, len(server.heard)) == (status, False, 1)
    assert reply.headers["location"].endswith("/other")


def test_loopback_is_refused_before_anything_is_sent(server: Server) -> None:
    for url in (server.url, f"http://localhost:{server.port}", f"https://127.0.0.1:{server.port}"):
        with pytest.raises(Refused):
            send(request(url), Guard())
    assert server.heard == []


def test_the_host_is_looked_up_once_and_the_call_goes_to_the_checked_address(
    server: Server,
) -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    url = f"http://shop.example:{server.port}/"
    reply = send(request(url), LOCAL, resolve=lambda host, port: next(answers))
    assert reply.ok
    assert server.heard[0].headers["host"] == f"shop.example:{server.port}"
    assert next(answers) == ["169.254.169.254"]


@pytest.mark.parametrize(
    "found", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:127.0.0.1"], ["fe80::1%eth0"]]
)
def test_a_name_that_stands_for_a_private_address_is_refused(
    server: Server, found: list[str]
) -> None:
    url = f"https://shop.example:{server.port}/"
    with pytest.raises(Refused):
        send(request(url), Guard(), resolve=lambda host, port: found)
    assert server.heard == []


def test_a_name_that_is_not_found_may_be_found_later() -> None:
    def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(Unanswered, match="cannot be found"):
        send(request("https://shop.example/"), Guard(), resolve=nowhere)
    with pytest.raises(Unanswered, match="no address"):
        send(request("https://shop.example/"), Guard(), resolve=lambda host, port: [])


def test_the_next_address_is_tried_when_one_does_not_answer(server: Server) -> None:
    url = f"http://shop.example:{server.port}/"
    reply = send(request(url), LOCAL, resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"])
    assert reply.ok


def test_no_connection_is_no_answer() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        with pytest.raises(Unanswered, match="no connection"):
            send(request(f"http://127.0.0.1:{taken.getsockname()[1]}/"), LOCAL)


@contextmanager
def raw(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that speaks bytes, for what a well-behaved one would never say."""
    listening = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            answer(connection)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        listening.close()
        thread.join(10)
        assert not thread.is_alive()


def drips(connection: socket.socket) -> None:
    """A byte of a header at a time, each well within a limit for single reads."""
    closed = threading.Event()
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not closed.wait(0.05):
            connection.sendall(b"a")
    except OSError:
        return


def test_the_timeout_is_for_the_whole_call_not_for_each_read() -> None:
    with raw(drips) as url, pytest.raises(Unanswered, match="within 1 s"):
        send(request(url, timeout=1), LOCAL)


@pytest.mark.parametrize(
    "said", [b"", b"not http at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"]
)
def test_an_answer_that_is_none_is_no_answer(said: bytes) -> None:
    with raw(lambda connection: connection.sendall(said)) as url, pytest.raises(Unanswered):
        send(request(url), LOCAL)


def test_no_more_than_the_cap_is_read(server: Server) -> None:
    server.says((200, {}, b"a" * (MOST_ANSWER * 20)))
    assert send(request(server.url), LOCAL).text == "a" * MOST_ANSWER


def test_a_packed_answer_is_not_unpacked(server: Server) -> None:
    server.says((200, {"Content-Encoding": "deflate"}, zlib.compress(b"a" * 10_000_000)))
    reply = send(request(server.url), LOCAL)
    assert (reply.status, reply.text) == (200, None)


def test_bytes_that_are_no_text_are_left_out(server: Server) -> None:
    server.says((200, {}, bytes(range(256))))
    assert send(request(server.url), LOCAL).text is None


@pytest.mark.parametrize(
    ("body", "json", "text"),
    [
        (b'{"a": [1, null]}', {"a": [1, None]}, None),
        (b"[]", [], None),
        (b"7", None, "7"),
        (b"<p>no</p>", None, "<p>no</p>"),
        (b'{"a": NaN}', None, '{"a": NaN}'),
        (b'{"a": ', None, '{"a": '),
        (b"[" * 100_000, None, "[" * 100_000),
        (b"", None, None),
    ],
)
def test_an_inline_answer_is_json_or_text(
    server: Server, body: bytes, json: Any, text: str | None
) -> None:
    server.says((418, {"Content-Type": "application/json"}, body))
    found = ask(request(server.url), HttpRules(("127.0.0.1",)))
    assert found == {
        "status": 418,
        "ok": False,
        "json": json,
        "text": text,
        "headers": {"content-type": "application/json"},
        "error": None,
    }


def test_no_answer_is_an_output_of_an_inline_call() -> None:
    found = ask(request("https://10.0.0.1/"), HttpRules())
    assert (found["ok"], found["status"], found["json"]) == (False, None, None)
    assert "private address" in found["error"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A certificate for shop.example that signs itself, with its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl here to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=shop.example", "-addext", "subjectAltName=DNS:shop.example",
         "-keyout", str(path), "-out", str(path.with_suffix(".crt"))],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


@contextmanager
def secure(certificate: pathlib.Path) -> Iterator[tuple[Server, list[str | None]]]:
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda connection, name, of: names.append(name)
    with serving(lambda one: context.wrap_socket(one, server_side=True)) as server:
        yield server, names


def test_the_certificate_is_checked_against_the_name_although_the_address_is_pinned(
    certificate: pathlib.Path,
) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    with secure(certificate) as (server, names):
        local = {"resolve": lambda host, port: ["127.0.0.1"]}
        reply = send(request(f"https://shop.example:{server.port}/"), LOCAL, tls=trusting, **local)
        assert reply.ok
        assert names == ["shop.example"]
        with pytest.raises(Unanswered, match=r"[Cc]ertificate|Hostname"):
            send(request(f"https://other.example:{server.port}/"), LOCAL, tls=trusting, **local)
        with pytest.raises(Unanswered, match="certificate"):
            send(request(f"https://shop.example:{server.port}/"), LOCAL, **local)
        assert len(server.heard) == 1
