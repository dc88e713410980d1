"""Imports point one way; who may import what from outside is a rule too."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENGINE = ROOT / "engine"

LAYERS = [
    {"errors", "metrics", "collector"},
    {"model", "paths", "clock", "cron", "generated"},
    {"yamlfile", "expressions", "stripe", "sandbox", "aside", "store", "net"},
    {
        "catalogue",
        "shape",
        "accessfile",
        "projectfile",
        "flowfile",
        "load",
        "nodes",
        "secrets",
        "logs",
        "eventlog",
        "spans",
        "diagram",
        "tick",
    },
    {"access", "check", "run", "trace"},
    {"rows"},
    {"project", "editor"},
    {
        "verdict",
        "batch",
        "wakes",
        "jobs",
        "feed",
        "settle",
        "due",
        "commit",
        "receive",
        "writer",
        "retention",
        "ticker",
        "reload",
        "backup",
        "answer",
        "inputs",
        "stretch",
        "forgotten",
        "actions",
        "outbox",
        "giveup",
        "live",
        "endpoints",
    },
    {"recorded", "dryrun", "studio", "reconcile", "doctor"},
    {"testing"},
    {"cli", "web", "front"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
OUTSIDE = {
    "jinja2": {"engine.expressions", "standin"},
    "pydantic_monty": {"engine.sandbox"},
    "stripe": {"engine.stripe", "standin"},
    "sqlite3": {"engine.store"},
    "sqlite_utils": {"engine.store"},
    "starlette": {"engine.web", "engine.cli.serve", "standin", "server"},
    "uvicorn": {"engine.cli", "engine.front.child", "engine.web.protocol", "standin"},
    "rich": {"engine.cli"},
    "jwt": {"engine.access"},
    "prometheus_client": {"engine.web"},
    "opentelemetry": {"engine.spans"},
    "cronsim": {"engine.cron"},
    "httpx": {"engine.net", "engine.access", "standin"},
}


def modules(folder: pathlib.Path) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        if "_share" not in path.parts:
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            yield name, ast.parse(path.read_text())


def imported(tree: ast.Module, name: str) -> Iterator[str]:
    """Everything a module imports, also inside functions; `from x import y` counts as x and x.y."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{name}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "engine" and len(parts) > 1 else None


ALL = (
    [*modules(ENGINE), *modules(ROOT / "standin")]
    if (ROOT / "standin").is_dir()
    else [*modules(ENGINE)]
)


@pytest.mark.parametrize(("name", "tree"), ALL, ids=[name for name, _ in ALL])
def test_imports_point_down(name: str, tree: ast.Module) -> None:
    here = part_of(name)
    if here is None:
        return
    assert here in LEVEL, f"{name}: say in LAYERS where it belongs"
    for target in imported(tree, name):
        there = part_of(target)
        if there is None or there == here or there not in LEVEL:
            continue
        assert LEVEL[there] <= LEVEL[here], f"{name} imports {target}, which is above it"


@pytest.mark.parametrize(("name", "tree"), ALL, ids=[name for name, _ in ALL])
def test_libraries_stay_where_they_belong(name: str, tree: ast.Module) -> None:
    for target in imported(tree, name):
        allowed = OUTSIDE.get(target.split(".")[0])
        if allowed is not None:
            assert any(name == one or name.startswith(f"{one}.") for one in allowed), (
                f"{name} imports {target}; only {', '.join(sorted(allowed))} may"
            )


def test_special_walls() -> None:
    for name, tree in ALL:
        targets = set(imported(tree, name))
        if name.startswith("engine.store"):
            assert not any(target.startswith("engine.nodes") for target in targets), name
        if name.startswith("engine.nodes"):
            assert not any(target.startswith("engine.run") for target in targets), name
        if name.startswith("standin"):
            assert not any(target.split(".")[0] == "engine" for target in targets), name


def test_the_command_line_starts_without_heavy_libraries() -> None:
    code = (
        "import sys, engine.cli.main, engine.cli.dry_run, engine.project, engine.dryrun, engine.cli.render\n"
        "heavy = {'stripe', 'pydantic_monty', 'starlette', 'uvicorn', 'httpx', 'sqlite_utils', 'cronsim'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"importing the dry run loads {done.stderr}"
