"""``diagnose``: one module of this package per command, exit codes, and errors as one message.

A command is a line of ``COMMANDS`` and a module with ``arguments(parser)``, which declares what it
takes, and ``main(given)``, which does it and returns the exit code. Only the named command's module
is loaded, and it loads what is heavy in ``main``: so ``diagnose --help`` answers at once.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from keyword import iskeyword

import diagnose
from diagnose.errors import DiagnoseError, StoppedError

OK, FAILED, BAD_INPUT, STOPPED = 0, 1, 2, 3
INTERRUPTED = 130  # 128 + SIGINT, as shells count

COMMANDS: Mapping[str, str] = {
    "run": "run a study (a Hydra application; see diagnose run --help)",
    "mcp": "serve one episode's world to an agent of your own, over the Model Context Protocol",
    "serve": "serve weights on this machine to litellm: an OpenAI-compatible endpoint",
    "plan": "say what a study would run, cost and take; nobody is called",
    "status": "say how far studies are, and why an episode is or is not current",
    "doctor": "check a study's files: exit 0 sound, 1 not; --repair mends what loses nothing",
    "compact": "write a study's table as Parquet, which analysis then reads",
    "show": "write an episode as a web page: turns, devices, verdict, cost",
    "logs": "write a study as Inspect logs or as chat lines",
    "collect": "write a study's transcripts, or full-knowledge ones, as supervised data",
    "train": "change a model's weights by examples (a Hydra application; the extra train)",
    "tell": "tell a study's episodes to OpenTelemetry or MLflow, those not told yet",
    "tasks": "list the tasks, or show one task's text",
    "gold": "print the full-knowledge device of a task as a circuit file",
    "verify": "judge a circuit file: exit 0 pass, 1 fail, 2 bad input",
    "explain": "say why a circuit file fails a task: physical causes and the laws they violate",
    "draw": "draw a circuit file as a picture",
    "export": "write a circuit file for the game: Litematica, WorldEdit or a structure block",
    "import": "read a device saved in the game as a circuit file",
    "fidelity": "compare the judge with the game and with a second engine",
    "analyze": "estimate contributions from records or a table",
    "report": "write a study or a table as one web page: answer, figures, design, costs, failures",
    "figures": "draw the figures of a study, of a table, or of the paper",
    "calibrate": "simulate studies of subjects whose truth is known: the data sheet",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``diagnose`` and return its exit code.

    0 good, 1 failed verdict or study, 2 bad input, 3 stopped early with nothing wrong (a cap).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(arguments)
    except StoppedError as error:
        print(f"diagnose: {error}", file=sys.stderr)
        return STOPPED
    except DiagnoseError as error:
        print(f"diagnose: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("diagnose: interrupted; the same command continues", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output (head, less) has left: that is its right
        sys.stderr.close()
        return OK
    except OSError as error:  # a folder that is missing, read-only or full
        what = error.filename or "a file"
        print(f"diagnose: {what}: {error.strerror}; choose another place", file=sys.stderr)
        return BAD_INPUT


def _dispatch(arguments: Sequence[str]) -> int:
    name = arguments[0] if arguments else ""
    if name not in COMMANDS:
        _overview().parse_args(arguments)  # prints the help or the version, or refuses, and exits
    module = f"{name}_" if iskeyword(name) else name  # Python reserves the word import
    command = import_module(f"diagnose.cli.{module}")
    if name in {"run", "train"}:  # Hydra reads its own arguments
        return int(command.run(arguments[1:]))
    parser = argparse.ArgumentParser(prog=f"diagnose {name}", description=COMMANDS[name])
    command.arguments(parser)
    return int(command.main(parser.parse_args(arguments[1:])))


def _overview() -> argparse.ArgumentParser:
    """Return a parser of the first argument alone."""
    parser = argparse.ArgumentParser(
        prog="diagnose",
        description="Which of four capacities holds an agent back, and by how much.",
    )
    parser.add_argument("--version", action="version", version=diagnose.__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, said in COMMANDS.items():
        commands.add_parser(name, help=said)
    return parser
