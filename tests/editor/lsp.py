"""yaml-language-server from npm, driven over LSP on its standard input and output."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

VERSION = "1.25.0"
"""The newest that runs on Node 20."""
_SERVER = pathlib.Path("node_modules", "yaml-language-server", "bin", "yaml-language-server")
_SETTINGS = {
    "validate": True,
    "hover": True,
    "completion": True,
    "schemaStore": {"enable": False},
    "kubernetesCRDStore": {"enable": False},
}
_DEADLINE = 600
"""Seconds after which a server that hangs is ended, so that a test fails and does not wait for ever."""


def installed() -> pathlib.Path:
    """The server, from npm into a cache outside of the checkout; skips where that cannot be."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("yaml-language-server cannot run: node and npm are not installed")
    caches = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = caches / "actionflow-tests" / f"yaml-language-server-{VERSION}"
    if not (folder / _SERVER).is_file():
        made = folder.with_name(f"{folder.name}.{os.getpid()}")
        made.mkdir(parents=True)
        words = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", "."]
        package = f"yaml-language-server@{VERSION}"
        done = subprocess.run([*words, package], cwd=made, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(made)
            pytest.skip(
                f"yaml-language-server cannot be fetched from npm: {done.stderr.strip()[-300:]}"
            )
        try:
            made.rename(folder)
        except OSError:  # another test run was faster
            shutil.rmtree(made)
    return folder / _SERVER


class Lsp:
    """A server that has been initialized. Positions count from 0, as the protocol does."""

    def __init__(self, process: subprocess.Popen[bytes], root: pathlib.Path) -> None:
        self._process = process
        self._root = root
        self._ids = itertools.count(1)
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}
        item = {"snippetSupport": True, "documentationFormat": ["markdown"]}
        document = {
            "completion": {"completionItem": item},
            "hover": {"contentFormat": ["markdown"]},
        }
        capabilities = {"textDocument": document, "workspace": {"configuration": True}}
        about = {"processId": None, "rootUri": root.as_uri(), "capabilities": capabilities}
        self._ask("initialize", about)
        self._tell("initialized", {})

    def open(self, text: str, folder: str = ".") -> pathlib.Path:
        """Open a text as a new file of the project (each its own: the server keeps what it knew of one);
        the file's path. Nothing is written."""
        path = self._root / folder / f"opened_{next(self._ids)}.yaml"
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})
        return path

    def diagnostics(self, path: pathlib.Path) -> list[dict[str, Any]]:
        """What the server says about an open file, as soon as it says something."""
        while path.as_uri() not in self._diagnostics:
            self._take(self._read())
        return self._diagnostics[path.as_uri()]

    def completions(self, path: pathlib.Path, at: tuple[int, int]) -> list[dict[str, Any]]:
        found = self._ask("textDocument/completion", _at(path, at))
        return list(found["items"] if isinstance(found, dict) else found or [])

    def hover(self, path: pathlib.Path, at: tuple[int, int]) -> str:
        found = self._ask("textDocument/hover", _at(path, at))
        return str(found["contents"]["value"]) if found else ""

    def definition(self, path: pathlib.Path, at: tuple[int, int]) -> list[Any]:
        return list(self._ask("textDocument/definition", _at(path, at)) or [])

    def _tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def _ask(self, method: str, params: Any) -> Any:
        asked = next(self._ids)
        self._send({"id": asked, "method": method, "params": params})
        while True:
            message = self._read()
            if message.get("id") == asked and "method" not in message:
                assert "error" not in message, message["error"]
                return message["result"]
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method == "textDocument/publishDiagnostics":
            params = message["params"]
            self._diagnostics[params["uri"]] = params["diagnostics"]
        elif "id" in message and method == "workspace/configuration":
            items = message["params"]["items"]
            told = [_SETTINGS if one.get("section") == "yaml" else {} for one in items]
            self._send({"id": message["id"], "result": told})
        elif "id" in message and method:
            self._send({"id": message["id"], "result": None})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while (line := self._process.stdout.readline()).strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        assert line, "yaml-language-server has ended, or was ended because it did not answer"
        read: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return read


def _at(path: pathlib.Path, at: tuple[int, int]) -> dict[str, Any]:
    position = {"line": at[0], "character": at[1]}
    return {"textDocument": {"uri": path.as_uri()}, "position": position}


@contextmanager
def serving(root: pathlib.Path) -> Iterator[Lsp]:
    """A running server for the project in this folder."""
    process = subprocess.Popen(
        ["node", str(installed()), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    deadline = threading.Timer(_DEADLINE, process.kill)
    deadline.start()
    try:
        yield Lsp(process, root)
    finally:
        deadline.cancel()
        process.kill()
        process.communicate()
