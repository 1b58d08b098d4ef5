"""The command line: `options` (every flag), `command` (the run and its exit code), `faces` (the output formats)."""

from analyzer.cli.command import main, run

__all__ = ["main", "run"]
