"""The studio's data: what its pages show, as plain JSON data made from a project and its store."""
