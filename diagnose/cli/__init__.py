"""The command line: the one place that knows every part. Heavy parts load in their subcommand."""

from diagnose.cli.main import main

__all__ = ["main"]
