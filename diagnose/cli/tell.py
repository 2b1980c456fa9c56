"""``diagnose tell``: tell a study's episodes to OpenTelemetry and MLflow, those not told yet."""

import argparse
from pathlib import Path

from diagnose.cli.main import FAILED, OK
from diagnose.errors import ConfigError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("study", type=Path, help="a study's folder")
    parser.add_argument("--otel", action="store_true", help="spans, by OTLP (OTEL_* variables)")
    parser.add_argument("--content", action="store_true", help="with what was said, redacted")
    parser.add_argument("--mlflow", default="", metavar="URI", help="a tracking server or store")
    parser.add_argument("--again", action="store_true", help="from the first episode on")


def main(given: argparse.Namespace) -> int:
    """Tell each part of the study; return 1 where something was not taken.

    Raises:
        ConfigError: nobody is named, or an extra is not installed.
        InputError: no study is there.
        StoreError: a process writes the study: it tells by itself.
    """
    from diagnose.errors import StoreError
    from diagnose.index import header_of
    from diagnose.ledger import parts_of
    from diagnose.locks import holders
    from diagnose.observe import observe_values
    from diagnose.observe.beside import NAMES
    from diagnose.observe.teller import Teller, state_file

    header_of(given.study)
    if busy := next(iter(holders(given.study)), ""):
        raise StoreError(f"{given.study}: {busy} is running it; wait for it or stop it first")
    otel = True if given.otel else None if not given.mlflow else False
    observe = observe_values({"otel": otel, "content": given.content, "mlflow": given.mlflow})
    kinds = ["otel"] * observe.otel + ["mlflow"] * bool(observe.mlflow)
    if not kinds:
        raise ConfigError("--otel", False, "name who is told: --otel, --mlflow URI, or both")
    good = True
    for home in [file.parent for file in parts_of(given.study)]:
        whole = home == given.study
        facts = {
            "study": given.study.resolve().name,
            "folder": str(given.study),
            "shard": "" if whole else home.name,
            "content": observe.content,
            "uri": observe.mlflow,
        }
        for kind in kinds:
            if given.again:
                state_file(home, kind).unlink(missing_ok=True)
            one = Teller(kind, home, facts)
            taken = one.until_told("finished", 0.0)
            said = one.receiver.said() if taken else f"not told everything: {one.problem}"
            print(f"{home}: {NAMES[kind]}: {said}")
            good = good and taken
    return OK if good else FAILED
