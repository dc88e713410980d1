"""The command line: `main` finds the command, each command is a module with `arguments` and `run`."""
