"""actionflow init DIR: the builder's room, copied into an empty folder."""

from __future__ import annotations

import argparse
import pathlib
import shutil

from engine.cli.main import DONE
from engine.errors import BadInput
from engine.paths import share

GITIGNORE = """\
# The database, the demo's keys and secrets; editors read the schemas.
.actionflow/*
!.actionflow/schemas/
"""
LEFT_OUT = shutil.ignore_patterns(".actionflow", "__pycache__")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", type=pathlib.Path, help="a new or empty folder")


def run(options: argparse.Namespace) -> int:
    from engine.editor import DEFAULT, texts, write
    from engine.load import load_folder

    folder: pathlib.Path = options.folder
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder}: this is a file. Name a new or empty folder.")
    if folder.is_dir() and any(folder.iterdir()):
        raise BadInput(
            f"{folder}: the folder is not empty. Name a new or empty one, nothing was written."
        )
    shutil.copytree(share("flows"), folder, ignore=LEFT_OUT, dirs_exist_ok=True)
    # The room's own schemas, so that editors complete and check without a checkout.
    for file in folder.rglob("*.yaml"):
        up = "../" * (len(file.relative_to(folder).parts) - 1)
        text = file.read_text("utf-8")
        own = text.replace(f"$schema=../{up}schemas/", f"$schema={up}{DEFAULT.as_posix()}/")
        file.write_text(own, "utf-8")
    write(texts(load_folder(folder)), folder / DEFAULT)
    (folder / ".gitignore").write_text(GITIGNORE)
    print(
        f"{folder} holds a small shop: project.yaml, its flows, recorded events to try them on.\n"
        f"Next:\n"
        f"  actionflow check --project {folder}\n"
        f"  actionflow dry-run {folder}/payment_callback.yaml"
        f" --event {folder}/events/payment_intent.succeeded.json\n"
        f"  actionflow migrate --project {folder} --yes --seed\n"
        f"  actionflow serve --project {folder} --demo"
    )
    return DONE
