"""The `jwt` section and the read rights, as project.yaml writes them."""

from __future__ import annotations

import pathlib

import pytest

from engine.errors import ProblemsFound
from engine.model import JwtSettings
from tests.access.support import PROJECT, project_of


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "{algorithms: [HS256], secret: SHOP_JWT, issuer: me}",
            JwtSettings(("HS256",), "me", secret="SHOP_JWT"),
        ),
        (
            "{algorithms: [RS256, ES256], jwks_file: jwks.json, issuer: me, audience: shop, leeway: 0}",
            JwtSettings(("RS256", "ES256"), "me", ("shop",), jwks_file="jwks.json", leeway=0),
        ),
        (
            "{algorithms: [RS256], jwks_url: 'https://me/jwks', issuer: me, audience: [a, b], "
            "role_claim: [realm, role], caller_claim: uid}",
            JwtSettings(
                ("RS256",),
                "me",
                ("a", "b"),
                jwks_url="https://me/jwks",
                role_claim=("realm", "role"),
                caller_claim=("uid",),
            ),
        ),
    ],
)
def test_what_is_read(tmp_path: pathlib.Path, written: str, expected: JwtSettings) -> None:
    assert project_of(tmp_path, f"{PROJECT}jwt: {written}\n").jwt == expected


REST = "issuer: me, audience: shop"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("{algorithms: [RS256], issuer: me}", "project.jwt_source"),
        (
            "{algorithms: [RS256], jwks_file: f, jwks_url: 'https://me/', issuer: me}",
            "project.jwt_source",
        ),
        ("{algorithms: [HS256], secret: S, jwks_file: f, issuer: me}", "project.jwt_source"),
        ("{algorithms: [RS256], secret: S, issuer: me}", "project.jwt_algorithms"),
        ("{algorithms: [HS256], jwks_file: f, issuer: me}", "project.jwt_algorithms"),
        ("{algorithms: [HS256, RS256], jwks_file: f, issuer: me}", "project.jwt_algorithms"),
        ("{algorithms: [HS256, RS256], secret: S, issuer: me}", "project.jwt_algorithms"),
        ("{algorithms: [none], secret: S, issuer: me}", "shape.enum"),
        ("{algorithms: [], secret: S, issuer: me}", "shape.minItems"),
        ("{algorithms: [HS256], secret: S}", "shape.required"),
        ("{algorithms: [HS256], secret: hunter2, issuer: me}", "shape.pattern"),
        (
            "{algorithms: [HS256], secret: S, issuer: me, verify: false}",
            "shape.additionalProperties",
        ),
        ("{algorithms: [HS256], secret: S, issuer: me, leeway: 86400}", "shape.maximum"),
        ("{algorithms: [HS256], secret: S, issuer: me, audience: []}", "shape.minItems"),
    ],
)
def test_what_is_refused(tmp_path: pathlib.Path, written: str, code: str) -> None:
    with pytest.raises(ProblemsFound) as found:
        project_of(tmp_path, f"{PROJECT}jwt: {written}\n")
    assert code in [problem.code for problem in found.value.problems]
    line = PROJECT.count("\n") + 1
    assert {problem.place.line for problem in found.value.problems} == {line}


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://issuer.example/.well-known/jwks.json", True),
        ("https://issuer.example:8443/jwks", True),
        ("http://127.0.0.1:9000/jwks", True),
        ("http://127.9.9.9/jwks", True),
        ("http://localhost/jwks", True),
        ("http://[::1]:9000/jwks", True),
        ("http://issuer.example/jwks", False),
        ("http://10.0.0.1/jwks", False),
        ("http://localhost.evil.example/jwks", False),
        ("http://127.0.0.1@evil.example/jwks", False),
        ("http://127.0.0.1:80@evil.example/jwks", False),
        ("https://user:password@issuer.example/jwks", False),
        ("file:///etc/passwd", False),
        ("ftp://127.0.0.1/jwks", False),
        ("https:///jwks", False),
        ("https://issuer.example:port/jwks", False),
        ("https://[::1/jwks", False),
        ("issuer.example/jwks", False),
        ("https://issuer.example/a b", False),
    ],
)
def test_where_keys_may_come_from(tmp_path: pathlib.Path, url: str, good: bool) -> None:
    text = f"{PROJECT}jwt: {{algorithms: [RS256], jwks_url: '{url}', {REST}}}\n"
    problems = []
    try:
        project_of(tmp_path, text)
    except ProblemsFound as found:
        problems = [problem.code for problem in found.problems]
    assert problems == ([] if good else ["project.jwt_url"])


def test_a_role_that_reads_no_table_is_told_the_near_one(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ProblemsFound) as found:
        project_of(tmp_path, PROJECT.replace("read: {order: {}}", "read: {ordr: {}}"))
    [problem] = found.value.problems
    assert problem.code == "project.read"
    assert "Did you mean 'order'?" in problem.message
    assert problem.place.line == PROJECT[: PROJECT.index("  auditor:")].count("\n") + 2
