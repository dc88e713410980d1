"""The checker: every mistake a builder can make, found before anything runs (docs/checking.md)."""

from engine.check.registry import CODES, Code
from engine.check.row_files import seed_problems
from engine.check.run import check, check_flow_text, check_folder, in_order

__all__ = [
    "CODES",
    "Code",
    "check",
    "check_flow_text",
    "check_folder",
    "in_order",
    "seed_problems",
]
