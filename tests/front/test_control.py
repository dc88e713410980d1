"""Packets and descriptors on the control socket, and counts of one process taken to another's."""

from __future__ import annotations

import asyncio
import os
import socket
import types

import orjson
import pytest
from starlette.requests import Request

from engine.front import control
from engine.front.control import Sender, Settings
from engine.metrics import Metrics
from engine.web.health import readyz


def test_settings_come_out_as_they_went_in() -> None:
    settings = Settings(("whsec_a", "whsec_ü"), "json", 10, 2048, 10_000, 10.0)
    assert settings.packet()[:1] == control.SETTINGS
    assert Settings.read(settings.packet()[1:]) == settings


def test_packets_and_descriptors_arrive_in_order_however_slowly_they_are_read() -> None:
    async def run() -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.setblocking(False)
        sender = Sender(ours, asyncio.get_running_loop())
        before = len(os.listdir("/proc/self/fd"))
        made = [os.pipe() for _ in range(300)]
        for number, (_, write) in enumerate(made):
            sender.send(b"%d" % number + b"x" * 10_000, write)
        for number, (read, _) in enumerate(made):
            while True:
                try:
                    packet = control.receive(theirs)
                    break
                except BlockingIOError:
                    await asyncio.sleep(0)
            assert packet is not None
            kind, rest, [descriptor] = packet
            assert (kind + rest).rstrip(b"x") == b"%d" % number
            os.write(descriptor, b"!")
            os.close(descriptor)
            assert os.read(read, 9) == b"!"
            assert os.read(read, 9) == b"", "the sender's own copy is closed"
            os.close(read)
        assert len(os.listdir("/proc/self/fd")) == before
        ours.close()
        assert control.receive(theirs) is None
        theirs.close()

    asyncio.run(run())


def test_nothing_is_kept_for_one_who_is_gone() -> None:
    async def run() -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sender = Sender(ours, asyncio.get_running_loop())
        theirs.close()
        read, write = os.pipe()
        sender.send(b"x", write)
        assert os.read(read, 1) == b""
        os.close(read)
        ours.close()

    asyncio.run(run())


@pytest.mark.parametrize("blocking", [True, False])
def test_what_was_sent_is_heard_of_one_who_has_gone_without_reading_all(blocking: bool) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(blocking)
    for kind in (control.COUNTS, control.CONNECTION):
        theirs.send(kind)
    ours.send(control.ASK)
    theirs.close()
    assert control.receive(ours) == (control.COUNTS, b"", [])
    assert control.receive(ours) == (control.CONNECTION, b"", [])
    assert control.receive(ours) is None
    ours.close()


def test_counts_of_another_process_are_added() -> None:
    ours, theirs = Metrics(), Metrics()
    ours.event("a", "done")
    ours.refused["signature"] += 1
    ours.seconds.add(0.3)
    theirs.event("a", "busy")
    theirs.event("b", "busy")
    theirs.event("b", "busy")
    theirs.refused["signature"] += 4
    theirs.seconds.add(0.3)
    theirs.seconds.add(20)
    ours.add(theirs.packed())
    assert ours.events == {("a", "done"): 1, ("a", "busy"): 1, ("b", "busy"): 2}
    assert ours.refused == {"signature": 5}
    assert ours.seconds.total == pytest.approx(20.6)
    assert sum(ours.seconds.counts) == 3


@pytest.mark.parametrize(("serving", "status"), [(True, 200), (False, 503)])
def test_readyz_says_when_the_front_is_down(serving: bool, status: int) -> None:
    service = types.SimpleNamespace(
        writer=types.SimpleNamespace(alive=True),
        front=types.SimpleNamespace(serving=serving),
        secrets=types.SimpleNamespace(webhook_secrets=("x",)),
        reloader=types.SimpleNamespace(problems=()),
        store=types.SimpleNamespace(lost=None),
    )
    app = types.SimpleNamespace(state=types.SimpleNamespace(service=service))
    answer = asyncio.run(readyz(Request({"type": "http", "app": app})))
    assert answer.status_code == status
    assert len(orjson.loads(answer.body)["missing"]) == (0 if serving else 1)
