"""From YAML events to plain data with places; everything that can be misread is refused."""

from __future__ import annotations

from typing import Any

import yaml

from engine.errors import Place, Problem
from engine.model import Path, Value
from engine.yamlfile.document import Document, YamlProblem
from engine.yamlfile.limits import Size, check_text
from engine.yamlfile.marks import place_of, text_place
from engine.yamlfile.scalars import BadScalar, is_core, resolve
from engine.yamlfile.wording import UNQUOTED_MEND, syntax_problem

MAX_PROBLEMS = 20


def read(text: str, file: str) -> Document:
    """Read one YAML document. `file` names it in places. Raises YamlProblem, nothing else."""
    text = text.removeprefix("\ufeff")
    check_text(text, file)
    return _Reader(text, file).document()


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        # libyaml's parser where PyYAML was built with it, else PyYAML's own.
        self.parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        self.places: dict[Path, Place] = {}
        self.key_places: dict[Path, Place] = {}
        self.anchors: dict[str, tuple[Path, Value]] = {}
        self.open_anchors: set[str] = set()
        self.problems: list[Problem] = []
        self.size = Size()

    def document(self) -> Document:
        try:
            data = self.one_document()
        except yaml.MarkedYAMLError as error:
            # An expression without quotes often breaks what follows: say the cause only.
            if not any(found.code == "yaml.unquoted_expression" for found in self.problems):
                self.problems.append(syntax_problem(error, self.text, self.file))
        if self.problems:
            raise YamlProblem(self.problems)
        return Document(self.file, self.text, data, self.places, self.key_places)

    def one_document(self) -> Value:
        self.parser.get_event()  # the start of the stream
        start = self.parser.get_event()
        if isinstance(start, yaml.StreamEndEvent):
            self.places[()] = Place(self.file)
            return None
        if start.version not in (None, (1, 2)) or start.tags:
            line = next(n for n, line in enumerate(self.text.split("\n"), 1) if line[:1] == "%")
            found = "found a % directive; Actionflow always reads YAML 1.2 without own tags"
            self.note(Place(self.file, line), "directive", found, "remove the line")
        data = self.value(self.parser.get_event(), ())
        self.parser.get_event()  # the end of the document
        after = self.parser.get_event()
        if not isinstance(after, yaml.StreamEndEvent):
            found = "found a second document after '---'; expected one document in a file"
            self.note(
                after, "documents", found, "move it to a file of its own, or remove the '---'"
            )
        return data

    def value(self, event: Any, path: Path) -> Value:
        place = self.place(event)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(str(event.anchor), path, place)
        if isinstance(event, yaml.ScalarEvent) and event.style != "|":
            place = text_place(event, self.text, place)
        self.count(path, place, getattr(event, "value", None))
        self.places[path] = place
        self.check_tag(event, place)
        anchor = event.anchor
        if anchor:
            self.open_anchors.add(anchor)
        if isinstance(event, yaml.ScalarEvent):
            data = self.scalar(event, place)
        elif isinstance(event, yaml.SequenceStartEvent):
            data = self.sequence(path)
        else:
            data = self.mapping(event, path)
        if anchor:
            self.open_anchors.discard(anchor)
            self.anchors[anchor] = path, data
        return data

    def scalar(self, event: Any, place: Place) -> Value:
        tag = event.tag if event.tag and is_core(event.tag) else None
        try:
            return resolve(event.value, plain=not event.style, tag=tag)
        except BadScalar as bad:
            self.note(place, bad.code, bad.message, bad.mend)
            return None

    def sequence(self, path: Path) -> list[Value]:
        items: list[Value] = []
        while not isinstance(event := self.parser.get_event(), yaml.SequenceEndEvent):
            items.append(self.value(event, (*path, len(items))))
        return items

    def mapping(self, start: Any, path: Path) -> Value:
        if start.flow_style and self.text.startswith("{{", start.start_mark.index):
            found = "found an expression without quotes; YAML takes its braces for a mapping"
            self.note(start, "unquoted_expression", found, UNQUOTED_MEND)
            return self.skip()
        entries: dict[str, Value] = {}
        while not isinstance(event := self.parser.get_event(), yaml.MappingEndEvent):
            key, place = self.key(event), self.place(event)
            if key is None:
                self.skip(self.parser.get_event())
            elif key in entries:
                self.repeated(key, place, self.key_places[(*path, key)])
                self.skip(self.parser.get_event())
            else:
                self.key_places[(*path, key)] = place
                entries[key] = self.value(self.parser.get_event(), (*path, key))
        return entries

    def key(self, event: Any) -> str | None:
        """The key's text, or None after noting why it cannot be one."""
        place = self.place(event)
        if isinstance(event, yaml.AliasEvent):
            self.note(place, "key", "found an alias as a key; expected text", "write the key out")
            return None
        if not isinstance(event, yaml.ScalarEvent):
            self.note(
                place, "key", "found a list or mapping as a key; expected text", "use a text as key"
            )
            self.skip(event)
            return None
        if event.anchor:
            self.note(place, "key", "found an anchor (&) at a key", "put the anchor at a value")
        self.check_tag(event, place)
        if event.value == "<<" and not event.style:
            self.note(
                place,
                "merge",
                "found a merge key '<<'; it hides which keys a node has, and YAML 1.2 dropped it",
                "write the keys out here",
            )
            return None
        key = self.scalar(event, place)
        if isinstance(key, str):
            return key
        shown = event.value or "nothing"
        found = f"found {shown} as a key, which is {_kind(key)}; expected text"
        self.note(place, "key", found, f'put quotes around it: "{event.value}":')
        return None

    def repeated(self, key: str, place: Place, first: Place) -> None:
        found = f"the key '{key}' is written twice: on line {first.line} and on line {place.line}"
        self.add(
            Problem(
                "yaml.repeated_key",
                place,
                found,
                "remove one of them, or give it another name",
                related=((first, f"'{key}' is written here first"),),
            )
        )

    def alias(self, name: str, path: Path, place: Place) -> Value:
        if name in self.anchors:
            origin, data = self.anchors[name]
            return self.copy(data, origin, path, place, place)
        if name in self.open_anchors:
            found = f"found the alias *{name} inside the value it stands for; it would never end"
            mend = "write the value out"
        else:
            found = f"found the alias *{name}, but no anchor &{name} before it"
            mend = "put quotes around it if it is text, or add the anchor"
        self.note(place, "alias", found, mend)
        self.places[path] = place
        return None

    def copy(self, data: Value, origin: Path, path: Path, place: Place, alias: Place) -> Value:
        """The aliased value again, with places of its own; no part is shared."""
        self.count(path, alias, data)
        self.places[path] = place
        parts: Any = ()
        if isinstance(data, dict):
            parts = data.items()
            for key in data:
                self.key_places[(*path, key)] = self.key_places[(*origin, key)]
        elif isinstance(data, list):
            parts = enumerate(data)
        copied = {
            step: self.copy(part, below, (*path, step), self.places[below], alias)
            for step, part in parts
            if (below := (*origin, step))
        }
        if isinstance(data, list):
            return list(copied.values())
        return copied if isinstance(data, dict) else data

    def skip(self, event: Any = None) -> None:
        """Leave out a value; without `event`, the rest of the collection just begun."""
        depth = 0 if event else 1
        while True:
            event = event or self.parser.get_event()
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth == 0:
                return
            event = None

    def count(self, path: Path, place: Place, data: Value) -> None:
        """One more value, also where an alias repeats it."""
        over = self.size.add(path, place, data)
        if over is not None:
            raise YamlProblem([*self.problems, over])

    def check_tag(self, event: Any, place: Place) -> None:
        if event.tag is None:
            return
        kind = "map" if isinstance(event, yaml.MappingStartEvent) else "seq"
        fits = isinstance(event, yaml.ScalarEvent) or event.tag.endswith(f":{kind}")
        if not (is_core(event.tag) and fits):
            shown = event.tag.replace("tag:yaml.org,2002:", "!!")
            found = f"found the tag {shown}; a flow is plain data"
            self.note(
                place, "tag", found, "remove it, or put quotes around text that begins with !"
            )

    def place(self, event: Any) -> Place:
        return place_of(event, self.text, self.file)

    def note(self, at: Any, code: str, message: str, mend: str) -> None:
        """Keep a problem and read on, so that one look shows them all."""
        place = at if isinstance(at, Place) else self.place(at)
        self.add(Problem(f"yaml.{code}", place, message, mend))

    def add(self, found: Problem) -> None:
        self.problems.append(found)
        if len(self.problems) >= MAX_PROBLEMS:
            raise YamlProblem(self.problems)


def _kind(value: Value) -> str:
    kinds: dict[type, str] = {bool: "a boolean", int: "an integer", float: "a decimal number"}
    return kinds.get(type(value), "null")
