"""The registry: every code that any part of the engine uses is in it, and has its page."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest

from engine.check import CODES
from engine.check.code_blocks import BUILTINS
from engine.check.event_types import CURRENT, known
from engine.check.registry import NODE_RULES, OTHERS
from engine.stripe.routing import EVENTS
from tests.check.rule_pages import PAGES, pages

ROOT = pathlib.Path(__file__).parents[2]
ENGINE = ROOT / "engine"
# What a code looks like where files are read: a text of its own, or the first argument.
WRITTEN = {
    "flowfile.py": r'"((?:node|branch|flow)\.[a-z_]+)"',
    "projectfile.py": r'"(project\.(?!yaml")[a-z_]+)"',
    "accessfile.py": r'"(project\.[a-z_]+)"',
    "load.py": r'"(flow\.[a-z_]+)"',
}


def test_every_page_is_as_the_registry_and_the_corpus_make_it() -> None:
    on_disk = {path.name: path.read_text("utf-8") for path in PAGES.glob("*.md")}
    stale = [name for name, text in pages().items() if on_disk.get(name) != text]
    assert (stale, sorted(set(on_disk) - set(pages()))) == ([], []), (
        "write them with: python -m tests.check.rule_pages"
    )


@pytest.mark.parametrize(("file", "pattern"), WRITTEN.items())
def test_every_code_of_the_loader_is_registered(file: str, pattern: str) -> None:
    used = set(re.findall(pattern, (ENGINE / file).read_text("utf-8")))
    assert used
    assert used <= set(CODES)


def test_every_code_of_test_cases_is_registered() -> None:
    files = [*(ENGINE / "testing").glob("*.py"), ENGINE / "check" / "rows.py"]
    text = "".join(path.read_text("utf-8") for path in files)
    used = {f"case.{name}" for name in re.findall(r'self\._?problem\(\s*"([a-z_]+)"', text)}
    used |= set(re.findall(r'"(case\.[a-z_]+)"', text))
    assert len(used) >= 10
    assert used <= set(CODES)


@pytest.mark.parametrize(("package", "prefix"), [("yamlfile", "yaml"), ("expressions", "expr")])
def test_every_code_of_the_readers_is_registered(package: str, prefix: str) -> None:
    calls = (
        r'(?:\bproblem|\.note|\.stop|BadScalar|_refuse)\(\s*(?:\w+(?:\([^()]*\))?,\s*)?"([a-z_]+)"'
    )
    text = "".join(path.read_text("utf-8") for path in (ENGINE / package).glob("*.py"))
    used = {f"{prefix}.{name}" for name in re.findall(calls, text)}
    used |= set(re.findall(rf'"({prefix}\.[a-z_]+)"', text))
    used |= {f"{prefix}.{name}" for name in re.findall(r'\bcode="([a-z_]+)"', text)}
    assert len(used) > 10
    assert used <= set(CODES)


def test_importing_the_checker_imports_no_heavy_library() -> None:
    program = (
        "import sys, engine.check; "
        "print([name for name in ('stripe', 'pydantic_monty', 'jsonschema') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_node_type_has_a_rule_of_its_own_or_takes_the_common_one() -> None:
    assert OTHERS in NODE_RULES
    assert "branch" in NODE_RULES


def test_callbacks_name_events_that_stripe_sends() -> None:
    assert [name for names in EVENTS.values() for name in names if not known(name)] == []


def test_event_types_are_those_of_the_published_enum() -> None:
    path = ROOT.parent / "shared" / "stripe-openapi" / "event-types.json"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    import json

    assert set(json.loads(path.read_text("utf-8"))) - {"*"} == CURRENT


def test_builtins_are_those_the_sandbox_has() -> None:
    from engine.sandbox import Block

    for name in sorted(BUILTINS):
        assert Block(f"x = {name}\nreturn 1", ()).run({}) == 1
