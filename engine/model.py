"""What a project is made of, as plain data: tables, flows, nodes. No behaviour, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.errors import Place

ColumnType = Literal[
    "integer", "text", "boolean", "timestamp", "json", "amount", "currency", "reference"
]
Value = Any  # JSON-like: None, bool, int, str, list, dict
Row = dict[str, Value]
Path = tuple[str | int, ...]
"""Keys and list indexes from the top of a YAML file down to one value."""

STRIPE_TRIGGERS = ("payment", "refund", "recurring_management", "recurring_charge")
RESERVED_NAMES = frozenset({"event", "config", "run", "now", "caller", "input", "error"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `amount` is an integer of minor units; a `reference` has its target's key type."""

    name: str
    type: ColumnType
    nullable: bool = False
    unique: bool = False
    default: Value = None
    has_default: bool = False
    references: str | None = None
    one_of: tuple[str, ...] = ()
    internal: bool = False
    """Kept by the engine for itself; flows, checks and the API never see it."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the builder's own, or (`system`) one that only locked nodes write."""

    name: str
    columns: Mapping[str, Column]
    key: str
    system: bool = False
    place: Place | None = None
    title: str = ""

    @property
    def visible(self) -> list[Column]:
        """The columns a builder may name."""
        return [column for column in self.columns.values() if not column.internal]


@dataclass(slots=True, init=False)  # one that dataclass makes is not compiled
class Change:
    """One row change; `before` is None for an insert, `after` is None for a delete."""

    table: str
    key: Value
    before: Row | None
    after: Row | None
    hidden: tuple[str, ...] = field(compare=False, repr=False)
    """Columns that the engine keeps for itself, and shows nobody."""
    columns: tuple[str, ...] | None = field(init=False, compare=False, repr=False)
    """Of an update the columns that were set and are shown, in order, where that is known."""
    text: bytes | None = field(init=False, compare=False, repr=False)
    was: Row | None = field(init=False, compare=False, repr=False)
    """What engine/store/seen.py worked out of this change."""

    def __init__(
        self,
        table: str,
        key: Value,
        before: Row | None,
        after: Row | None,
        hidden: tuple[str, ...] = (),
    ) -> None:
        self.table = table
        self.key = key
        self.before = before
        self.after = after
        self.hidden = hidden
        self.columns = None
        self.text = None
        self.was = None

    def as_json(self) -> dict[str, Value]:
        """The change as plain data."""
        return {"table": self.table, "key": self.key, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a branch; `when` is None for the else case."""

    name: str
    when: Value
    do: tuple[Node, ...]
    gives: Mapping[str, Value]
    place: Place
    path: Path

    @property
    def is_else(self) -> bool:
        return self.when is None


@dataclass(frozen=True, slots=True)
class Node:
    """One entry of a flow. `keys` holds its type's own keys as written."""

    id: str
    type: str
    keys: Mapping[str, Value]
    place: Place
    path: Path
    title: str = ""
    locked: bool = False
    cases: tuple[Case, ...] = ()
    do: tuple[Node, ...] = ()
    give_up: tuple[Node, ...] = ()
    """Of an `http` node: what runs, later and by itself, when its last try has failed."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow file. `places` finds the line and column of any value by its path."""

    name: str
    title: str
    trigger: Mapping[str, Value]
    nodes: tuple[Node, ...]
    file: str
    digest: str
    source: str
    places: Mapping[Path, Place]
    returns: Mapping[str, Value] = field(default_factory=dict)
    inputs: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    def place(self, path: Sequence[str | int]) -> Place:
        """The place of the value at `path`, or of the nearest value around it."""
        found = tuple(path)
        while found and found not in self.places:
            found = found[:-1]
        return self.places.get(found, Place(self.file))


@dataclass(frozen=True, slots=True)
class JwtSettings:
    """Whose tokens are taken, and how they are read. Exactly one of the three sources is set."""

    algorithms: tuple[str, ...]
    issuer: str
    audience: tuple[str, ...] = ()
    secret: str | None = None
    """Name of the environment variable with the secret of HS256."""
    jwks_file: str | None = None
    jwks_url: str | None = None
    role_claim: tuple[str, ...] = ("role",)
    """The path of a claim, from the outside in."""
    caller_claim: tuple[str, ...] = ("sub",)
    leeway: int = 30
    """Seconds by which the clocks of issuer and server may differ."""


@dataclass(frozen=True, slots=True)
class HttpRules:
    """Where calls may go beside public https addresses: hosts, addresses, CIDRs, each `:port` or any.

    `timeout` is in seconds, for nodes that say none.
    """

    allow: tuple[str, ...] = ()
    timeout: int = 10


@dataclass(frozen=True, slots=True)
class LiveRules:
    """How long row changes stay in the log that live results are read from: both bounds hold."""

    keep_hours: int = 24
    keep_changes: int = 100_000


@dataclass(frozen=True, slots=True)
class RetentionRules:
    """Days until what is finished is forgotten; None keeps it for ever.

    Stripe delivers an event again for up to 30 days, and an event is known by its row: less is refused.
    """

    events: int | None = 90
    runs: int | None = 90
    calls: int | None = 90
    actions: int | None = 90

    def days(self, kind: Literal["events", "runs", "calls", "actions"]) -> int | None:
        """For one of the four."""
        found: int | None = getattr(self, kind)
        return found


@dataclass(frozen=True, slots=True)
class StudioRules:
    """Whether the studio is served, and whether flows may be saved in it (docs/studio.md)."""

    on: bool = True
    edit: bool = False


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """flows/project.yaml, read. `secrets` maps a secret's name to environment variable names."""

    name: str
    file: str
    database: str
    tables: Mapping[str, Table]
    order_table: str
    roles: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """By role: `actions` (by action) and `read` (by table), each an optional row rule (`when`)."""
    config: Mapping[str, Value] = field(default_factory=dict)
    secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    settings: Mapping[str, Value] = field(default_factory=dict)
    http: HttpRules = field(default_factory=HttpRules)
    live: LiveRules = field(default_factory=LiveRules)
    origins: tuple[str, ...] = ()
    """Origins whose pages may call the API from a browser."""
    retention: RetentionRules = field(default_factory=RetentionRules)
    places: Mapping[Path, Place] = field(default_factory=dict)
    jwt: JwtSettings | None = None
    studio: StudioRules = field(default_factory=StudioRules)

    @property
    def order(self) -> Table:
        """The bound order table: the one table payments belong to."""
        return self.tables[self.order_table]
