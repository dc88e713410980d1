"""A project ready to work: files read and checked, flows compiled, its database opened."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine.check import check
from engine.check.row_files import read_rows
from engine.check.rows import Rows
from engine.errors import Problem, ProblemsFound
from engine.load import SEED_FILE, Loaded, load_folder
from engine.model import ProjectFile, Value
from engine.rows import write_rows
from engine.run import CompiledFlow, compile_flows
from engine.secrets import Secrets, dev_webhook_secret, from_environment
from engine.store.base import Store
from engine.store.connect import memory, open_store
from engine.store.url import sqlite_file
from engine.stripe.event import Event
from engine.stripe.routing import BY_TYPE, trigger_of
from engine.tick import TYPE, cron_of


@dataclass(slots=True, eq=False)
class Project:
    """What server and command line work with; another one takes its place when files change."""

    folder: pathlib.Path
    file: ProjectFile
    flows: Mapping[str, CompiledFlow]
    warnings: list[Problem] = field(default_factory=list)
    _by_event: dict[str, CompiledFlow] = field(init=False, default_factory=dict)
    _by_trigger: dict[str, CompiledFlow] = field(init=False, default_factory=dict)
    _at_once: dict[str, CompiledFlow] = field(init=False, default_factory=dict)
    """By event type the flow of a full event, where the type alone decides."""

    def __post_init__(self) -> None:
        for compiled in self.flows.values():
            wanted = compiled.flow.trigger.get("stripe")
            if isinstance(wanted, list):
                for kind in wanted:
                    self._by_event.setdefault(kind, compiled)
            elif wanted is not None:
                self._by_trigger[wanted] = compiled
            elif cron_of(compiled.flow):
                self._by_event[TYPE + compiled.flow.name] = compiled
        for kind, trigger in BY_TYPE.items():
            if trigger in self._by_trigger:
                self._at_once[kind] = self._by_trigger[trigger]
        self._at_once.update(self._by_event)

    @classmethod
    def open(cls, folder: pathlib.Path) -> Project:
        """Read, check and compile. Raises BadInput (no project here) and ProblemsFound."""
        loaded = load_folder(folder)
        problems = check(loaded)
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors or loaded.project is None:
            raise ProblemsFound(errors)
        return cls.of(loaded, problems)

    @classmethod
    def of(cls, loaded: Loaded, warnings: list[Problem]) -> Project:
        """A project from files already read and checked."""
        assert loaded.project is not None
        flows = compile_flows(loaded.project, loaded.flows)
        return cls(loaded.folder, loaded.project, flows, warnings)

    def with_config(self, **values: Value) -> Project:
        """The same project with other config values, for this process only."""
        file = replace(self.file, config={**self.file.config, **values})
        flows = compile_flows(file, {name: one.flow for name, one in self.flows.items()})
        return Project(self.folder, file, flows, self.warnings)

    @property
    def database_file(self) -> pathlib.Path | None:
        """The SQLite file, which stands beside project.yaml when its path is relative; None for a
        server. Raises StoreError when an environment variable is to say which, and does not."""
        return sqlite_file(self.file.database, self.folder.resolve())

    def store(self) -> Store:
        """The project's database. Raises DatabaseOutdated when it needs `actionflow migrate`."""
        return open_store(self.file.database, self.file.tables, self.folder.resolve())

    def scratch(self, seed: Rows) -> Store:
        """An empty database in memory, holding just these rows."""
        store = memory(self.file.tables)
        with store.transaction() as tx:
            write_rows(tx, seed, self.file)
        return store

    def seed(self) -> Rows:
        """The rows of seed.yaml; nothing where there is no such file. Raises ProblemsFound."""
        path = self.folder / SEED_FILE
        return read_rows(path, self.file) if path.is_file() else {}

    def secrets(self, *, demo: bool = False) -> Secrets:
        """Keys and secrets from the environment; a made-up webhook secret where a demo has none."""
        found = from_environment(self.file)
        if found.webhook_secrets or found.mode == "live":
            return found
        made_up = dev_webhook_secret(self.folder, make=demo)
        if made_up is None:
            return found
        return Secrets(found.variables, found.secret_key, found.publishable_key, (made_up,))

    def action(self, name: str) -> CompiledFlow | None:
        """The flow of a user action (pay, refund, recurring)."""
        for compiled in self.flows.values():
            if compiled.flow.trigger.get("action") == name:
                return compiled
        return None

    def schedules(self) -> dict[str, str]:
        """The cron expressions of scheduled flows, by the flow's name."""
        found = {name: cron_of(one.flow) for name, one in sorted(self.flows.items())}
        return {name: cron for name, cron in found.items() if cron}

    def flow_for(self, event: Event) -> CompiledFlow | None:
        """The flow this event starts: one that lists its type, else the callback it belongs to."""
        if not event.thin and (found := self._at_once.get(event.type)) is not None:
            return found
        listed = self._by_event.get(event.type)
        if listed is None and event.thin:
            # A thin event about a v1 object says so before its type.
            listed = self._by_event.get(event.type.removeprefix("v1."))
        return listed or self._by_trigger.get(trigger_of(event) or "")
