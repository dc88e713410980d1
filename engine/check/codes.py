"""The codes of what the typed reading of expressions finds: references, types, null."""

from __future__ import annotations

from engine.check.registry import code

UNDEFINED = code(
    "ref.undefined",
    "A name that nothing defines",
    "An expression can read the reserved names (event, config, run, now, caller, input) and the "
    "ids of nodes above it. A name that is neither would end the run with an error.",
)
LATER = code(
    "ref.later",
    "A name used before it is defined",
    "Nodes run from top to bottom. What a node gives can be read by the nodes below it only.",
)
INSIDE = code(
    "ref.inside",
    "A name defined inside another case or loop",
    "The nodes of a case run only when that case is taken, so nothing outside the case can count "
    "on them. Pass the value on with `gives`, the same in every case, and read it from the branch.",
)
OUTPUT = code(
    "ref.output",
    "An output the node does not have",
    "Each node type gives certain outputs; a name that is not among them is most often a typo.",
)
COLUMN = code(
    "ref.column",
    "A column the row does not have",
    "A row has the columns of its table in project.yaml, no others.",
)
SETTING = code(
    "ref.config",
    "A config value that is not there",
    "`config` holds the values that project.yaml lists under `config`.",
)
INPUT = code(
    "ref.input",
    "An input the flow does not declare",
    "`input` holds what the flow declares: trigger: {manual: {name: type}}, or in an action's flow "
    "input: {name: type}.",
)
ABSENT = code(
    "ref.absent",
    "A reserved name that holds nothing in this flow",
    "`caller` and `input` are there only in a flow that somebody calls; Stripe's events have "
    "neither. `error` is there only where a call has failed.",
)
NO_OUTPUT = code(
    "ref.nothing",
    "The output of a node that gives none",
    "log, stop and fail do their work and give nothing to read.",
)
PART = code(
    "ref.part",
    "A part of a value that has no parts",
    "Only rows, named values and event data can be looked into with a dot. A list (of `many: "
    "true`) is gone through with for_each.",
)
COMPARE = code(
    "type.compare",
    "A comparison of values that are never equal",
    "Text is never equal to an integer, nor an amount to true or false: the condition would fail.",
)
CHOICE = code(
    "type.one_of",
    "A text that is not one of the choices",
    "The value has a fixed list of choices (`one_of`). Any other text is never found in it, and "
    "the table refuses it.",
)
CURRENCY = code(
    "type.currency",
    "A currency code in capital letters",
    "Stripe and the tables keep currency codes in small letters, so 'USD' is never equal to one.",
)
REFERENCE = code(
    "type.reference",
    "The key of one table where another table's key belongs",
    "Both are keys, and of the same type, so the run would go on and touch a wrong row.",
)
OPERAND = code(
    "type.operand",
    "An operator or filter used on a value it does not take",
    "Nothing is converted silently: + - * // % take integers, ~ joins plain values to text.",
)
BOOLEAN = code(
    "type.boolean",
    "A condition that is not true or false",
    "`when`, `if`, `and`, `or` and `not` take true or false only; 0, '' and null do not count as "
    "false here. Compare the value: x == 0, x is not none.",
)
VALUE = code(
    "type.value",
    "A value that does not fit where it is put",
    "Columns, inputs and outputs have a type. What does not fit would be refused when the flow "
    "runs.",
)
FLOAT = code(
    "type.float",
    "A number with a fraction",
    "Fractions are rounded by computers, and money must not be: amounts are integers of the "
    "currency's minor unit. 5.10 USD is 510.",
)
NULL_READ = code(
    "null.read",
    "A look into something that may be null",
    "A row that was not found is null, and null has no columns: the run would fail here.",
)
NULL_ITEM = code(
    "null.item",
    "An item of a list that may have none",
    "table.find with `many: true` gives an empty list where no row matches, and an empty list has "
    "no first item: the run would fail here.",
)
NULL_USED = code(
    "null.used",
    "A value that may be null where null cannot be used",
    "Operators, filters, text and comparisons by size refuse null rather than guess.",
)
NULL_VALUE = code(
    "null.value",
    "A value that may be null put where null is not allowed",
    "The column, input or output cannot be empty, so the run would fail whenever the value is "
    "null.",
)
NULL_WHERE = code(
    "null.where",
    "A `where` with a value that may be null",
    "A row is then looked up by null: it finds no row, or every row whose column is empty, and "
    "never the one that was meant.",
)
CONSTANT = code(
    "control.constant",
    "A condition that always comes out the same",
    "A case that is never taken, or that takes everything from the cases below it, is a mistake.",
)
STALE = code(
    "editor.stale",
    "Schemas that do not know the project as it is",
    "An editor shows what the schemas in .actionflow/schemas say. After a change of project.yaml "
    "they would mark new tables and columns as mistakes, and offer old ones.",
    severity="warning",
    finder="editor",
)
