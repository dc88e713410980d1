"""The browser's files as TypeScript sees them: `tsc --checkJs --strict`, their JSDoc being the types."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from tests.acceptance.shop import ROOT

VERSION = "7.0.2"
STATIC = ROOT / "engine/web/static"
OPTIONS = {
    "noEmit": True,
    "allowJs": True,
    "checkJs": True,
    "strict": True,
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "bundler",
    "lib": ["es2023", "dom", "dom.iterable"],
    "types": [],
    "paths": {"/actionflow.js": [str(STATIC / "actionflow.js")]},
}


def tsc() -> pathlib.Path:
    """The compiler, from npm into a cache outside of the checkout; skips where that cannot be."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("TypeScript cannot run: node and npm are not installed")
    caches = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = caches / "actionflow-tests" / f"typescript-{VERSION}"
    program = pathlib.Path("node_modules", ".bin", "tsc")
    if not (folder / program).exists():
        made = folder.with_name(f"{folder.name}.{os.getpid()}")
        made.mkdir(parents=True)
        words = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", "."]
        done = subprocess.run(
            [*words, f"typescript@{VERSION}"], cwd=made, capture_output=True, text=True
        )
        if done.returncode:
            shutil.rmtree(made)
            pytest.skip(f"TypeScript cannot be fetched from npm: {done.stderr.strip()[-300:]}")
        try:
            made.rename(folder)
        except OSError:  # another test run was faster
            shutil.rmtree(made)
    return folder / program


def compiled(folder: pathlib.Path, *files: str) -> str:
    """What the compiler finds wrong with these files; empty when nothing is."""
    config = folder / "tsconfig.json"
    config.write_text(json.dumps({"compilerOptions": OPTIONS, "include": files}))
    done = subprocess.run([tsc(), "-p", config], capture_output=True, text=True)
    return done.stdout + done.stderr


def test_every_file_of_ours_is_sound(tmp_path: pathlib.Path) -> None:
    files = [str(STATIC / pattern) for pattern in ("*.js", "shop/*.js", "studio/*.js")]
    assert compiled(tmp_path, *files) == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("live.close(); shop.pay({ orderId: 7, amount: 100 });", ""),
        ("shop.pay({ amount: 100 });", "'orderId' is missing"),
        ("shop.pay({ orderId: 7, mode: 'paypal' });", "is not assignable to type"),
        ("shop.subscribe('order', { id: new Date() }, () => {});", "is not assignable to type"),
        ("live.tables.get('order').size;", "Object is possibly 'undefined'"),
    ],
)
def test_a_builder_is_told_of_his_mistakes(tmp_path: pathlib.Path, line: str, said: str) -> None:
    page = tmp_path / "page.js"
    page.write_text(
        "import { connect } from '/actionflow.js';\n"
        "const shop = connect('', async () => 'token');\n"
        "const live = shop.subscribe('order', { id: [1, 2] }, (change) => {\n"
        "  if (change.type === 'row') change.row.id;\n"
        "});\n" + line
    )
    found = compiled(tmp_path, str(page))
    assert (found == "") if not said else (said in found), found
