"""The program as its compiled wheel has it, installed under build/ and made anew when sources change."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
MADE_OF = ("pyproject.toml", "scripts/compiled.py", "engine/**/*", "standin/**/*")
LEFT_OUT = ("__pycache__", ".actionflow")


class NotCompiled(Exception):
    """It cannot be compiled here."""


def compiled() -> pathlib.Path:
    """The folder to put on PYTHONPATH. Takes two minutes where it is not there yet. Raises NotCompiled."""
    there = ROOT / "build" / "compiled" / digest()
    if not there.is_dir():
        lacking = what_is_lacking()
        if lacking:
            raise NotCompiled(lacking)
        told = "compiling the modules on an event's way, which takes a minute or two ..."
        print(told, file=sys.stderr, flush=True)  # standard output has the folder alone
        there.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=there.parent) as folder:
            install(pathlib.Path(folder, "made")).rename(there)
        for old in there.parent.iterdir():
            if old != there:
                shutil.rmtree(old)
    return there


def digest() -> str:
    """Of all it is made of, and of the Python it is made for."""
    told = hashlib.sha256(str(sysconfig.get_config_var("EXT_SUFFIX")).encode())
    for pattern in MADE_OF:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file() and not {*LEFT_OUT} & {*path.parts}:
                told.update(f"\0{path.relative_to(ROOT)}\0".encode())
                told.update(path.read_bytes())
    return told.hexdigest()[:16]


def what_is_lacking() -> str:
    """What a compilation needs and this machine has not; empty when nothing is lacking."""
    compiler = os.environ.get("CC", "cc").split()[0]
    if shutil.which(compiler) is None:
        return f"no C compiler, '{compiler}' is not on the PATH"
    header = pathlib.Path(sysconfig.get_path("include"), "Python.h")
    return "" if header.is_file() else f"no headers of Python, {header} is missing"


def install(folder: pathlib.Path) -> pathlib.Path:
    """Build the wheel and unpack it into `folder`, as pip does."""
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    words += ["--no-deps", "--no-compile", "--target", str(folder), str(ROOT)]
    wanted = {**os.environ, "ACTIONFLOW_COMPILED": "1"}
    done = subprocess.run(words, env=wanted, capture_output=True, text=True)
    if done.returncode:
        raise NotCompiled(f"pip could not build the wheel:\n{done.stderr.strip()}")
    return folder


if __name__ == "__main__":
    try:
        print(compiled())
    except NotCompiled as why:
        sys.exit(f"not compiled: {why}")
