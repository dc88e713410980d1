"""The examples of docs/access.md are read, parsed and run."""

from __future__ import annotations

import pathlib
import re
import shlex
from typing import get_args

import pytest

from engine.access import Caller, authorize, errors, may_read
from engine.cli import keys as command
from engine.errors import Place
from engine.expressions import condition
from engine.model import JwtSettings
from tests.access.support import PROJECT, ROOT, project_of

TEXT = (ROOT / "docs" / "access.md").read_text()
YAML = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = re.findall(r"^\$ actionflow keys (.*)$", TEXT, re.MULTILINE)
ROLES_IN_TESTS = PROJECT[PROJECT.index("roles:") :]


def test_the_roles_do_what_the_page_says(tmp_path: pathlib.Path) -> None:
    [roles] = [block for block in YAML if block.startswith("roles:")]
    project = project_of(tmp_path, PROJECT.replace(ROLES_IN_TESTS, roles))
    ada = Caller("ada", "customer", "key")
    own, others = {"user_id": "ada"}, {"user_id": "lin"}
    authorize(project, ada, "pay", own)
    rows = may_read(project, ada, "order")
    assert rows is not None
    assert (rows(own), rows(others)) == (True, False)
    payments = may_read(project, ada, "payment")
    assert payments is not None
    assert [payments({"account_id": who}) for who in ("ada", "lin", None)] == [True, False, False]
    for table in ("order", "payment", "refund", "recurring_payment"):
        assert may_read(project, Caller("x", "admin", "key"), table) is not None


def test_rules_in_the_text_are_expressions() -> None:
    rules = re.findall(r"`(\{\{ .*? \}\})`", TEXT)
    values = {"order": {"user_id": 42}, "caller": {"id": "42", "role": "customer"}}
    assert [condition(rule, Place("access.md")).evaluate(values) for rule in rules] == [True]


def test_the_jwt_sections_are_taken(tmp_path: pathlib.Path) -> None:
    sections = [block for block in YAML if block.startswith("jwt:")]
    found = [project_of(tmp_path, PROJECT + section).jwt for section in sections]
    assert [one.algorithms for one in found if one] == [("RS256", "ES256"), ("HS256",)]


def test_every_key_of_the_section_is_explained() -> None:
    table = TEXT[TEXT.index("| key | meaning |") : TEXT.index("Exactly one of")]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(
        JwtSettings.__dataclass_fields__
    )


@pytest.mark.parametrize("words", COMMANDS)
def test_the_commands_can_be_typed(words: str) -> None:
    import argparse

    parser = argparse.ArgumentParser(exit_on_error=False)
    command.arguments(parser)
    assert callable(parser.parse_args(shlex.split(words)).verb)


def test_every_code_is_listed() -> None:
    listed = set(re.findall(r"^\| \d{3} \| `(\w+)`", TEXT, re.MULTILINE))
    raised = {*get_args(errors.FailureCode), "action_denied", "order_denied"}
    raised |= {errors.TooManyFailures(1).code, errors.KeysUnavailable(1).code}
    assert listed == raised
