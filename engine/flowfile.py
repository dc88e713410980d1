"""A flow file, read: shape and structure checked, every value with its place; names not yet."""

from __future__ import annotations

import hashlib
import pathlib

from engine.catalogue import NodeSpec, catalogue, node_schema, shape
from engine.errors import Place, Problem, ProblemsFound, did_you_mean
from engine.model import RESERVED_NAMES, Case, Flow, Node, Path, Value
from engine.paths import shown
from engine.shape import check_shape, kind
from engine.yamlfile import Document, read, read_path


def read_flow(path: pathlib.Path) -> Flow:
    """One flow file. Raises ProblemsFound."""
    return parse_flow(read_path(path, shown(path)))


def flow_from_text(text: str, file: str) -> Flow:
    """A flow from its text, as an editor holds it. Raises ProblemsFound."""
    return parse_flow(read(text, file))


def parse_flow(document: Document) -> Flow:
    """A flow from a read document: shape and structure checked, names not yet. Raises ProblemsFound."""
    data = document.data
    problems = list(check_shape(data, shape("flow"), document.place, key_of=document.key_place))
    if not isinstance(data, dict) or not isinstance(data.get("nodes"), list):
        raise ProblemsFound(problems)
    reader = _FlowReader(document)
    nodes = reader.nodes(data["nodes"], ("nodes",))
    problems += reader.problems
    stem = pathlib.PurePath(document.file).stem
    if not problems and data["flow"] != stem:
        problems.append(
            Problem(
                "flow.name",
                document.place(("flow",)),
                f"the flow is called '{data['flow']}' but its file '{stem}.yaml'.",
                f"Name it '{stem}', or rename the file to {data['flow']}.yaml.",
            )
        )
    if problems:
        raise ProblemsFound(problems)
    taken = data["trigger"].get("manual", data.get("input", {}))
    return Flow(
        name=data["flow"],
        title=data.get("title", ""),
        trigger=data["trigger"],
        nodes=nodes,
        file=document.file,
        digest=hashlib.sha256(document.text.encode()).hexdigest(),
        source=document.text,
        places=document.places,
        returns=data.get("returns") or {},
        inputs={
            name: {"type": written} if isinstance(written, str) else written
            for name, written in taken.items()
        },
    )


class _FlowReader:
    """Turns lists of written nodes into Node trees, collecting every problem."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.seen: dict[str, Place] = {}

    def nodes(self, written: Value, path: Path) -> tuple[Node, ...]:
        if not isinstance(written, list):
            return ()
        read = (self.node(one, (*path, index)) for index, one in enumerate(written))
        return tuple(node for node in read if node is not None)

    def node(self, written: Value, path: Path) -> Node | None:
        place = self.document.place(path)
        if not isinstance(written, dict):
            self.say(
                "node.shape",
                path,
                f"a node is a mapping, here is {kind(written)}.",
                "Write it as `- {id: …, type: …}`.",
            )
            return None
        spec = self.spec(written, path)
        if spec is None:
            return None
        found = list(
            check_shape(
                written,
                node_schema(spec),
                self.document.place,
                code="node",
                under=path,
                key_of=self.document.key_place,
            )
        )
        self.problems += found
        name = written.get("id")
        if isinstance(name, str):
            self.claim(name, (*path, "id"))
        cases = self.cases(written.get("cases"), (*path, "cases")) if "cases" in written else ()
        do = self.nodes(written.get("do"), (*path, "do")) if "do" in written else ()
        give_up = self.nodes(written.get("give_up"), (*path, "give_up"))
        if found or not isinstance(name, str):
            return None
        common = ("id", "type", "title", "locked")
        return Node(
            id=name,
            type=spec.type,
            keys={key: value for key, value in written.items() if key not in common},
            place=place,
            path=path,
            title=written.get("title", ""),
            locked=written.get("locked", False),
            cases=cases,
            do=do,
            give_up=give_up,
        )

    def spec(self, written: dict[str, Value], path: Path) -> NodeSpec | None:
        name = written.get("type")
        known = catalogue()
        if isinstance(name, str) and name in known:
            return known[name]
        if name is None:
            self.say(
                "node.unknown",
                path,
                "this node has no `type`.",
                f"Add one of: {', '.join(sorted(known))}.",
            )
        else:
            self.say(
                "node.unknown",
                (*path, "type"),
                f"there is no node type {name!r}." + did_you_mean(str(name), list(known)),
                f"Use one of: {', '.join(sorted(known))}.",
            )
        return None

    def claim(self, name: str, path: Path) -> None:
        place = self.document.place(path)
        if name in RESERVED_NAMES:
            self.say(
                "node.reserved",
                path,
                f"'{name}' is a reserved name.",
                f"Choose another id; reserved are {', '.join(sorted(RESERVED_NAMES))}.",
            )
        elif name in self.seen:
            self.problems.append(
                Problem(
                    "node.twice",
                    place,
                    f"a node with the id '{name}' is there already.",
                    "Give one of them another id; ids are unique in a flow.",
                    related=((self.seen[name], "the first one"),),
                )
            )
        self.seen.setdefault(name, place)

    def cases(self, written: Value, path: Path) -> tuple[Case, ...]:
        if not isinstance(written, list):
            return ()
        cases = []
        names: dict[str, Place] = {}
        for index, one in enumerate(written):
            here = (*path, index)
            if not isinstance(one, dict) or not isinstance(one.get("name"), str):
                continue
            place = self.document.place(here)
            if one["name"] in names:
                self.problems.append(
                    Problem(
                        "branch.case_twice",
                        place,
                        f"a case named '{one['name']}' is there already.",
                        "Give each case a name of its own.",
                        related=((names[one["name"]], "the first one"),),
                    )
                )
            names.setdefault(one["name"], place)
            if ("when" in one) == ("else" in one):
                self.say(
                    "branch.condition",
                    here,
                    f"case '{one['name']}' needs either `when` or `else: true`, and not both.",
                    'Write when: "{{ … }}", or else: true for the last case.',
                )
            cases.append(
                Case(
                    name=one["name"],
                    when=one.get("when"),
                    do=self.nodes(one.get("do"), (*here, "do")),
                    gives=one.get("gives") or {},
                    place=place,
                    path=here,
                )
            )
        self.else_case(written, path)
        return tuple(cases)

    def else_case(self, written: list[Value], path: Path) -> None:
        elses = [i for i, one in enumerate(written) if isinstance(one, dict) and "else" in one]
        if not elses:
            self.say(
                "branch.else_missing",
                path,
                "this branch has no else case, so an event that fits no case would be lost.",
                "End it with: - {name: anything else, else: true, do: []}",
            )
        elif elses[0] != len(written) - 1:
            self.say(
                "branch.else_place",
                (*path, elses[0]),
                "the else case is not the last one, so the cases below it are never reached.",
                "Move it to the end; there is one else case in a branch.",
            )

    def say(self, code: str, path: Path, message: str, mend: str) -> None:
        self.problems.append(Problem(code, self.document.place(path), message, mend))
