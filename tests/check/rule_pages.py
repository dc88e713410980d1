"""The pages docs/rules/*.md, made of the registry and, as examples, of the corpus.

`python -m tests.check.rule_pages` writes them; a test fails when they are stale.
"""

from __future__ import annotations

import pathlib

from engine.check import CODES, Code
from tests.check import corpus

PAGES = pathlib.Path(__file__).parents[2] / "docs" / "rules"
_NOTE = "<!-- Made by `python -m tests.check.rule_pages`; the text stands in engine/check. -->"
_FINDERS = {
    "yaml": "while the YAML is read",
    "loader": "while the file is read",
    "expressions": "while the expression is read",
    "check": "by `actionflow check`, which also runs before a project is served",
    "editor": "by `actionflow check`",
    "tests": "by `actionflow check`, and by `actionflow test` before anything runs",
}


def pages() -> dict[str, str]:
    """Every page by its file name."""
    made = {f"{name}.md": _page(code) for name, code in CODES.items()}
    return {"README.md": _index(), **made}


def _page(code: Code) -> str:
    lines = [f"# {code.name}: {code.title}", "", _NOTE, "", code.why, ""]
    article = "An" if code.severity == "error" else "A"
    lines += [f"{article} {code.severity}, found {_FINDERS[code.finder]}.", ""]
    wrong = [one for one in corpus.mistakes() if _names(one, code) and one.shown]
    if wrong:
        example = min(wrong, key=lambda one: len(one.expect))
        [problem, *_] = [one for one in corpus.problems(example) if one.code == code.name]
        said = str(problem).replace(problem.place.file, pathlib.PurePath(problem.place.file).name)
        related = {str(place.file) for place, _ in problem.related}
        for file in related:
            said = said.replace(file, pathlib.PurePath(file).name)
        lines += ["```yaml", example.shown, "```", "", "```text", said, "```", ""]
    right = next((one for one in corpus.mistakes() if code.name in one.near and one.shown), None)
    if right is not None:
        lines += ["This is fine:", "", "```yaml", right.shown, "```", ""]
    return "\n".join(lines)


def _names(mistake: corpus.Mistake, code: Code) -> bool:
    return any(one["code"] == code.name for one in mistake.expect)


def _index() -> str:
    lines = ["# What check finds", "", _NOTE, "", "| code | mistake |", "|---|---|"]
    for name, code in sorted(CODES.items()):
        lines.append(f"| [{name}]({name}.md) | {code.title}{_warning(code)} |")
    return "\n".join([*lines, ""])


def _warning(code: Code) -> str:
    return " (warning)" if code.severity == "warning" else ""


if __name__ == "__main__":
    PAGES.mkdir(parents=True, exist_ok=True)
    written = pages()
    for path in PAGES.glob("*.md"):
        if path.name not in written:
            path.unlink()
    for name, text in written.items():
        (PAGES / name).write_text(text, encoding="utf-8")
