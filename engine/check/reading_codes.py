"""The codes of problems met while files are read: YAML, shape, expressions, structure.

They are found by engine.yamlfile, engine.shape, engine.flowfile, engine.projectfile and
engine.expressions, which do not know this registry; a test keeps the two together.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.check.registry import Finder, code

_YAML = {
    "alias": "An alias without its anchor, or inside of it|An alias (`*name`) repeats what an anchor "
    "(`&name`) marks; this one has nothing to repeat, or would never end.",
    "character": "A character that YAML files cannot hold|It is invisible or looks like another "
    "one: no-break spaces, NUL, line separators. Databases and readers disagree about them.",
    "depth": "Values nested too deep|Brackets left open, most often.",
    "directive": "A % directive|Flow files are plain YAML 1.2 and need none.",
    "documents": "A second document in one file|A file holds one flow, or the project.",
    "encoding": "A file that is not UTF-8|Text in another encoding is read as other characters.",
    "file": "A file that cannot be read|It is missing, a folder, or closed to the server's user.",
    "key": "A key that is no text|1, true and null are values; as keys nobody could name them in an "
    "expression. In quotes they are text.",
    "merge": "A merge key|`<<` hides which keys a node has, and YAML 1.2 dropped it.",
    "number": "A number too large to keep|Integers have 64 bits in every database.",
    "repeated_key": "A key written twice|Most YAML readers keep the last one and say nothing: half "
    "of a node would be gone.",
    "size": "A file that is too large|Aliases that repeat aliases make small files huge.",
    "syntax": "Text that is not YAML|The reader could not go on from here.",
    "tab": "A tab in front of a line|YAML indents with spaces.",
    "tag": "A tag|A tag (`!name`) asks for an object; a flow is plain data.",
    "unquoted_expression": "An expression without quotes|YAML takes the braces of {{ … }} for a "
    "mapping of its own.",
}
_SHAPE = {
    "additionalProperties": "A key that does not belong there|Most often a typo: the key that was "
    "meant would be missing without a word.",
    "anyOf": "A value of none of the allowed forms|See the node's page for what may stand there.",
    "const": "A value that must be one certain value|Such as `locked: true` of a locked node.",
    "enum": "A word that is not one of the choices|The key takes certain words only.",
    "maximum": "A number that is too large|The limit keeps one run from taking all time or memory.",
    "maxItems": "A list that is too long|Split it into flows that call each other.",
    "maxLength": "A text that is too long|Names are kept in every trace and row.",
    "maxProperties": "Too many keys|Only one of them can be meant.",
    "minimum": "A number that is too small|It would make the node do nothing.",
    "minItems": "An empty list|It would make the node do nothing.",
    "minLength": "An empty text|It would make the node do nothing.",
    "minProperties": "An empty mapping|It would make the node do nothing, or match everything.",
    "pattern": "A text of the wrong form|Names go into expressions and file names, so they are made "
    "of letters, digits and _ only.",
    "propertyNames": "A name of the wrong form|Names go into expressions, so they are made of "
    "letters, digits and _ only.",
    "required": "A key that is missing|The node cannot work without it.",
    "type": "A value of the wrong kind|Text where a list belongs, a list where a mapping belongs.",
}
_LOADER = {
    "node.unknown": "A node type that is not there|The type says what a node does and which keys it "
    "takes.",
    "node.shape": "A node that is no mapping|A node is written `- {id: …, type: …}`.",
    "node.reserved": "A node with a reserved name|event, config, run, now, caller, input and error "
    "are names of the engine's own.",
    "node.twice": "Two nodes of one id|The second would take the place of the first one's output, "
    "and a locked node could be replaced that way.",
    "branch.case_twice": "Two cases of one name|Traces and tests tell cases apart by name.",
    "branch.condition": "A case without a condition, or with two|A case has `when`, or it is the "
    "`else` case.",
    "branch.else_missing": "A branch without an else case|What fits no case would be lost without "
    "a word.",
    "branch.else_place": "An else case that is not the last|The cases below it are never reached.",
    "flow.name": "A flow called otherwise than its file|Traces and calls name the flow, people open "
    "the file.",
    "flow.twice": "Two flows of one name|A call could mean either.",
    "project.missing": "No project.yaml|A project is a folder with a project.yaml.",
    "project.database": "A database URL of no known kind|Rows are kept in an SQLite file or in "
    "PostgreSQL.",
    "project.column": "A column that no database can have|PostgreSQL has columns of these names in "
    "every table.",
    "project.order_table": "An order table that is not among the tables|Payments belong to one "
    "table of yours.",
    "project.system_table": "A table with a name of the engine's|payment, refund and "
    "recurring_payment are kept by the engine.",
    "project.key": "A table without a usable key|Rows are told apart by their key.",
    "project.reference": "A reference to no table|A reference names the table whose row it means.",
    "project.one_of": "Choices for what is no text|`one_of` lists texts.",
    "project.retention": "Events or actions that would be forgotten too early|What came is known by "
    "its row. Once that is gone, the same event, or the same request, would be done again.",
    "project.read": "A right to read a table that is not there|A role reads the tables of "
    "project.yaml and the system tables.",
    "project.jwt_source": "Tokens without a source of keys, or with several|Keys that verify "
    "tokens come from one place, or nobody could say who signed.",
    "project.jwt_algorithms": "An algorithm that does not go with its keys|A public key that is "
    "taken for a shared secret lets anybody sign tokens.",
    "project.jwt_url": "Keys fetched over an open line|Whoever can change the keys on their way "
    "can sign in as anybody.",
    "project.cors_origin": "An entry of cors.origins that is no origin|A browser names a page's origin "
    "as scheme, host and port, and only that exact text is let in.",
    "project.default": "A default that does not fit its column|The first row without a value would "
    "be refused.",
}
_EXPRESSIONS = {
    "argument": "A filter with the wrong arguments|Each filter takes a certain number of values.",
    "boolean": "A fixed value where true or false belongs|0, '' and null do not count as false.",
    "call": "A call|Nothing is called in an expression: use a filter, or a code node.",
    "chain": "A chain of comparisons|Write a < b and b < c.",
    "comment": "A template comment|YAML has comments of its own: #.",
    "condition": "A condition that is not one whole expression|`when` is one {{ … }} with nothing "
    "around it, and is true or false.",
    "constant": "An expression that can never work|Its parts are fixed, and do not go together.",
    "divide": "A division that gives a fraction|Money is counted in minor units; // divides to a "
    "whole number, rounded down.",
    "else": "An `if` without `else`|Nobody could say what the value is when the condition fails.",
    "empty": "An empty expression|Nothing stands between the braces.",
    "filter": "A filter that is not there|Filters are a short list; code nodes do the rest.",
    "float": "A number with a fraction|Money is counted in minor units: 5.10 USD is 510.",
    "index": "An index that is neither an integer nor text|Lists are read by number, objects by "
    "key.",
    "key": "A key that is not fixed text|Keys of objects and of YAML are written out.",
    "name": "A name of Jinja2's that is not there|for_each names its item itself.",
    "number": "A number in an odd form|Integers are written in plain digits.",
    "power": "A power|Multiply, or use a code node.",
    "slice": "A slice|Use first, last, an index, or a code node.",
    "statement": "A template statement|Branches and loops are nodes, which can be seen and traced.",
    "syntax": "Text that is no expression|It cannot be read from here on.",
    "test": "A test that is not there|There are `is none` and `is defined`, with and without `not`.",
    "too_large": "An expression that is too large|Compute parts of it in `set` nodes, which have "
    "names.",
    "tuple": "Values in round brackets|A list is written [a, b].",
    "unclosed": "An expression that is never closed|It ends with }}.",
}


_CASES = {
    "action": "An action that no flow answers|A step of a test case calls an action of the project.",
    "change": "A change of what the event does not have|`change` sets values of a recorded event by "
    "their path; a path that leads nowhere is a typing mistake.",
    "event": "A recorded event that is not there|A step names a file of events/ without .json.",
    "input": "An input the action does not take|What a step sends is what the flow's `input` says.",
    "now": "A time that cannot be read|`now` is the time of the runs.",
    "outcomes": "Outcomes that do not go with the events|There is one for each event delivered, in "
    "their order; with `shuffle` there is no such order.",
    "recording": "A recorded event that cannot be read|The steps that name it have nothing to deliver.",
    "repeated": "Two test cases of one name|They cannot be told apart in a report.",
    "schedule": "A flow that has no schedule|A step names a scheduled flow, whose next moment comes.",
    **{
        name: texts.replace("See the node's page", "See docs/testing.md").replace("node", "case")
        for name, texts in _SHAPE.items()
    },
}


def register(prefix: str, written: Mapping[str, str], finder: Finder) -> None:
    """Register codes written as `title|why`, by name without the prefix."""
    for name, texts in written.items():
        title, why = texts.split("|")
        code(f"{prefix}{name}", title, why, finder=finder)


register("yaml.", _YAML, "yaml")
register("shape.", _SHAPE, "loader")
register("node.", _SHAPE, "loader")
register("case.", _CASES, "tests")
register("", _LOADER, "loader")
register("expr.", _EXPRESSIONS, "expressions")
