"""``diagnose``: subcommands, exit codes, and errors as one message."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import diagnose
from diagnose.errors import DiagnoseError

OK, FAILED, BAD_INPUT = 0, 1, 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``diagnose`` and return its exit code: 0 good, 1 failed verdict or study, 2 bad input."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments[:1] == ["run"]:
            from diagnose.cli.run import run

            return run(arguments[1:])
        return _dispatch(_parser().parse_args(arguments))
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="diagnose",
        description="Which of four capacities holds an agent back, and by how much.",
    )
    parser.add_argument("--version", action="version", version=diagnose.__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="run a study (a Hydra application; see diagnose run --help)")
    tasks = commands.add_parser("tasks", help="list the tasks, or show one task's text")
    tasks.add_argument("task", nargs="?", help="for example C-L3")
    verify = commands.add_parser(
        "verify", help="judge a circuit file: exit 0 pass, 1 fail, 2 bad input"
    )
    verify.add_argument("file", type=Path)
    verify.add_argument("--task", required=True, help="for example C-L3")
    verify.add_argument("--json", action="store_true", help="print the verdict as JSON")
    draw = commands.add_parser("draw", help="draw a circuit file as a picture")
    draw.add_argument("file", type=Path)
    draw.add_argument("-o", "--out", type=Path, required=True, help="a .png file")
    draw.add_argument("--at", type=float, help="show the state at this many rt after the press")
    draw.add_argument("--task", default="A-L1", help="whose area to use")
    gold = commands.add_parser("gold", help="print the full-knowledge device of a task as a file")
    gold.add_argument("task")
    analyze = commands.add_parser("analyze", help="estimate contributions from records or a table")
    analyze.add_argument("source", help="a study folder, a .csv or .parquet table, or paper")
    analyze.add_argument("--target", choices=("new", "fixed"), default="new")
    analyze.add_argument("--out", type=Path, help="write the estimates: .csv or .parquet")
    figures = commands.add_parser("figures", help="draw the figures of a study, or of the paper")
    figures.add_argument("source", help="a study folder, a table, or the word paper")
    figures.add_argument("--out", type=Path, help="folder for the figures")
    calibrate = commands.add_parser(
        "calibrate", help="simulate studies of subjects whose truth is known: the data sheet"
    )
    calibrate.add_argument("--profiles", default="all", help="all, or names: flat,null")
    calibrate.add_argument("--replicates", type=int, default=400, help="studies a profile and kind")
    calibrate.add_argument("--runs", type=int, default=8, help="of every task in every cell")
    calibrate.add_argument("--seed", type=int, default=0)
    calibrate.add_argument(
        "--episodes", type=int, default=200, help="whole episodes that check each profile's truth"
    )
    calibrate.add_argument("--out", type=Path, help="a .md file; table and figure go beside it")
    return parser


def _dispatch(given: argparse.Namespace) -> int:
    if given.command == "calibrate":
        from diagnose.cli.calibrate import calibrate

        return calibrate(
            given.profiles, given.replicates, given.runs, given.seed, given.episodes, given.out
        )
    if given.command in {"analyze", "figures"}:
        from diagnose.cli import estimates

        if given.command == "analyze":
            return estimates.analyze(given.source, given.target, given.out)
        return estimates.figures(given.source, given.out)
    return _world(given)


def _world(given: argparse.Namespace) -> int:
    from diagnose.cli import world

    if given.command == "tasks":
        return world.tasks(given.task)
    if given.command == "verify":
        return world.verify(given.file, given.task, as_json=given.json)
    if given.command == "draw":
        return world.draw(given.file, given.out, given.at, given.task)
    return world.gold(given.task)
