"""Strict YAML with places: what `flows/*.yaml` and `project.yaml` are read with (docs/yaml.md)."""

from engine.yamlfile.document import Document, YamlProblem
from engine.yamlfile.files import read_path
from engine.yamlfile.reader import read

__all__ = ["Document", "YamlProblem", "read", "read_path"]
