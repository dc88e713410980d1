"""A wheel whose modules on an event's way are compiled: `ACTIONFLOW_COMPILED=1 pip install .`

mypyc makes C of the annotated Python, the machine's C compiler a shared library of that, which lies beside the
modules in the wheel (never in the checkout, where it would hide what is edited). Which modules is told in
pyproject.toml. Without the variable the wheel is plain Python.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WANTED = "ACTIONFLOW_COMPILED"
# Of what the build's environment lacks (orjson, uvicorn) nothing has to be known; `make check` has looked for
# mistakes where it is there.
OPTIONS = ["--config-file=", "--ignore-missing-imports", "--follow-imports=silent"]


class CompiledBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Adds the compiled modules to a wheel."""

    def dependencies(self) -> list[str]:
        return ["mypy>=2.4,<3", "setuptools>=80"] if self._wanted else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not self._wanted or version == "editable":
            return
        self._work = pathlib.Path(tempfile.mkdtemp(prefix="actionflow-"))
        shutil.copytree(pathlib.Path(self.root, "engine"), self._work / "engine")
        made = compiled(self._work, self.config["modules"])
        build_data["force_include"].update({str(self._work / path): str(path) for path in made})
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self._wanted and version != "editable":
            shutil.rmtree(self._work)

    @property
    def _wanted(self) -> bool:
        return self.target_name == "wheel" and os.environ.get(WANTED, "") not in ("", "0")


def compiled(root: pathlib.Path, modules: list[str]) -> list[pathlib.Path]:
    """Compile these modules under `root`; the libraries made, relative to it."""
    from mypyc.build import mypycify
    from setuptools import Distribution

    with contextlib.chdir(root):  # mypy names modules by where they lie from here
        extensions = mypycify(
            [*OPTIONS, *modules],
            opt_level="2",
            debug_level="0",
            target_dir="c",
            group_name="actionflow",
        )
        command: Any = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = "lib", "temp"
        command.parallel = os.cpu_count()
        command.ensure_finalized()
        command.run()
        made = list(pathlib.Path("lib").rglob("*.*"))
        for path in made:
            shutil.move(path, path.relative_to("lib"))
    return [path.relative_to("lib") for path in made]
