"""``diagnose mcp``: one episode's world, served on standard input and output to an MCP client."""

import argparse
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

from diagnose.cli.main import FAILED, OK
from diagnose.errors import ConfigError, InfrastructureError, StoreError
from diagnose.remote.address import shown

if TYPE_CHECKING:
    from diagnose.cli.composed import Study
    from diagnose.design import EpisodePlan, Factor
    from diagnose.store import Store

_CHOICE = re.compile(r"\+?interventions/(\w+)=(\w+)")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--task", required=True, help="such as C-L2")
    parser.add_argument("--run", type=int, help="of the task; by default the first not recorded")
    parser.add_argument("--model", default="", help="name in records; by default the client's own")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="as for diagnose run; an intervention that is not named is off",
    )


def main(given: argparse.Namespace) -> int:
    """Serve an episode and record it; stdout is the protocol's from the first line on."""
    reader, writer = _claimed()
    from diagnose.subjects.outside.client import Client
    from diagnose.subjects.outside.server import check_installed

    check_installed()
    study, plans = _chosen(given.task, given.run, given.model, given.overrides)
    client = study.model
    assert isinstance(client, Client)
    client.attach(reader, writer)
    left: list[int] = []

    def leave(number: int, _: object) -> None:
        left.append(number)
        client.leave()

    handlers = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGINT)}
    from diagnose.cli.addressed import kept
    from diagnose.store import Store

    with kept(study) as keeper, Store(study.folder, study.header) as store:
        if keeper:
            keeper.begin()
        plan = _unrecorded(study, plans, store)
        outcome = _played(study, plan, store)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    where = f"{plan.task}, run {plan.run}, cell {plan.cell}"
    print(f"diagnose mcp: {where}: {outcome}; recorded in {shown(study.folder)}", file=sys.stderr)
    if left:  # whoever sent the signal waits; a reader of stdin may still be blocked
        sys.stderr.flush()
        os._exit(OK)
    client.linger()
    return FAILED if outcome == "not_observed" else OK


def _claimed() -> tuple[IO[str], IO[str]]:
    """Take standard input and output for the protocol; what else is printed goes to stderr."""
    reader = os.fdopen(os.dup(0), "r", encoding="utf-8", errors="replace")
    writer = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return reader, writer


def _chosen(
    task: str, run: int | None, model: str, overrides: Sequence[str]
) -> "tuple[Study, list[EpisodePlan]]":
    """Return the study that the episode belongs to, and the plans it may be, first run first.

    The study has every cell, so that the episodes of one client lie in one folder, whichever cell
    and task each of them is of.

    Raises:
        ConfigError: an override is wrong, or the design has no such cell or run.
    """
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from diagnose.cli.configure import configured
    from diagnose.design import Cell
    from diagnose.tasks import task as task_of

    if model and not re.fullmatch(r"[\w.:@/+-]{1,80}", model):
        raise ConfigError("--model", model, "use letters, digits and .:@/+-_, at most 80")
    named = {found[1]: found[2] for one in overrides if (found := _CHOICE.fullmatch(one))}
    held = {name: option for name, option in named.items() if option in {"on", "off"}}
    passed = [one for one in overrides if one.startswith("+") or not _holds(one, held)]
    own = ["subject=mcp", "study.name=mcp", f"subject.label='{model}'"]
    try:
        study = configured([*own, *passed])
    except (HydraException, OmegaConfBaseException) as error:
        said = " ".join(str(error).split())
        raise ConfigError("overrides", " ".join(overrides), said) from error
    for name, option in named.items():
        if name not in study.interventions:
            raise ConfigError(f"interventions/{name}", option, "there is no such intervention")
    cell = Cell(tuple(_dose(factor, named) for factor in study.factors)).code
    task = task_of(task).id
    plans = [plan for plan in study.plans if (plan.task, plan.cell) == (task, cell)]
    if not plans:
        remedy = "the study has no such episode; see study.tasks and design"
        raise ConfigError("--task and cell", f"{task}, {cell}", remedy)
    plans = [plan for plan in plans if run in {None, plan.run}]
    if not plans:
        raise ConfigError(
            "--run", run, f"give 0 to {study.config.runs - 1}, or a larger study.runs"
        )
    return study, sorted(plans, key=lambda plan: plan.run)


def _holds(override: str, held: dict[str, str]) -> bool:
    """Whether an override says only that an intervention is on or off: the cell's business."""
    found = _CHOICE.fullmatch(override)
    return bool(found and found[1] in held)


def _dose(factor: "Factor", named: dict[str, str]) -> int:
    """Return a factor's dose in the episode's cell.

    Raises:
        ConfigError: the configuration leaves it open.
    """
    if len(factor.levels) == 1:
        return factor.levels[0]
    if factor.name == "env":
        raise ConfigError("env", "several worlds", "choose one, as in env=renamed")
    match named.get(factor.name, "off"):
        case "off":
            return factor.off
        case "on":
            return factor.full
        case _:  # placebo, doses: the option's last level
            return factor.levels[-1]


def _unrecorded(study: "Study", plans: "Sequence[EpisodePlan]", store: "Store") -> "EpisodePlan":
    """Return the first plan that has no outcome yet.

    Raises:
        StoreError: all have.
    """
    for plan in plans:
        if store.ledger.outcomes.get(study.identify(plan), "not_observed") == "not_observed":
            return plan
    first, last = plans[0], plans[-1]
    raise StoreError(
        f"{study.folder}: {first.task}, cell {first.cell}, is recorded (runs {first.run} to "
        f"{last.run}); give another run, cell or --model, or another study.name"
    )


def _played(study: "Study", plan: "EpisodePlan", store: "Store") -> str:
    """Play the episode and record it, whatever came of it; return the outcome."""
    began = time.monotonic()
    try:
        record = study.execute(plan)
    except InfrastructureError as error:
        record = study.unobserved(plan, error.cause, error.detail)
    store.append_record(record)
    seconds = time.monotonic() - began
    store.append_timing(
        {"episode_id": record.episode_id, "seconds": seconds, "worker": os.getpid()}
    )
    return record.outcome
