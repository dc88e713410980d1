"""A builder's own tests: cases as YAML, events and calls played through the engine, rows compared."""

from engine.testing.bench import Bench, Result
from engine.testing.case import TestCase
from engine.testing.coverage import BranchCase, Coverage
from engine.testing.read import read_cases

__all__ = ["Bench", "BranchCase", "Coverage", "Result", "TestCase", "read_cases"]
