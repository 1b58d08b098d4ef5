"""`python -m analyzer` is the command."""

from analyzer.cli import run

run()
