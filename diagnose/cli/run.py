"""``diagnose run``: a Hydra application. Overrides, ``-m`` sweeps and ``--cfg job`` are Hydra's."""

import difflib
import logging
import os
import platform
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diagnose.cli import jobs
from diagnose.cli.configure import CONF
from diagnose.cli.launched import run_launched
from diagnose.cli.main import FAILED, OK
from diagnose.errors import ConfigError, DiagnoseError
from diagnose.journal import kept, tell

if TYPE_CHECKING:
    from diagnose.cli.composed import Study
    from diagnose.progress import Progress
    from diagnose.remote.kept import Kept
    from diagnose.store import Store

_log = logging.getLogger(__name__)


def run(arguments: Sequence[str]) -> int:
    """Compose the configuration, run the study (or, with ``-m``, each of a sweep), report.

    Raises:
        ConfigError: an override or a value in the configuration is wrong.
    """
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException
    from omegaconf import DictConfig
    from omegaconf.errors import OmegaConfBaseException

    codes: list[int] = []
    refused: list[DiagnoseError] = []
    here, folder = (platform.node(), os.getpid()), Path.cwd()

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name="study")
    def job(config: DictConfig) -> None:
        if (platform.node(), os.getpid()) != here:  # a launcher put it elsewhere
            named = HydraConfig.get().overrides.task
            run_launched([one for one in named if not one.startswith("launcher=")], folder)
            return
        if refused:
            return  # a sweep ends with its first bad job
        try:
            codes.append(_job(config))
        except DiagnoseError as error:  # kept from Hydra, which would print it a second time
            refused.append(error)

    # Hydra would print its errors with a trace and leave; asked for the full error it raises them.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv = ["diagnose run", *_swept(arguments)]
    try:
        job()
    except (HydraException, OmegaConfBaseException) as error:
        if isinstance(error.__cause__, DiagnoseError):
            raise error.__cause__ from error
        raise explained(error, arguments) from error
    if refused:
        raise refused[0]
    return max(codes, default=OK)


def _job(config: Any) -> int:
    from hydra.core.hydra_config import HydraConfig

    named = list(HydraConfig.get().overrides.task)
    with jobs.noted_job(named) as job:
        code = _study(config, named, job)
        job.ended("done" if code == OK else "failed", code)
        return code


def _composed(config: Any, named: Sequence[str]) -> "Study":
    from omegaconf import OmegaConf

    from diagnose.cli.compose import compose
    from diagnose.config import study_config

    for key in sorted(OmegaConf.missing_keys(config)):
        raise ConfigError(key, "???", f"it must be given: add {key}=... to the command")
    plain = OmegaConf.to_container(config, resolve=True)
    if not isinstance(plain, dict):
        raise ConfigError("configuration", type(plain).__name__, "give sections (see conf/)")
    return compose(study_config({str(key): value for key, value in plain.items()}, named))


def _study(config: Any, named: Sequence[str], job: jobs.Job) -> int:
    from diagnose.cli import commands
    from diagnose.cli.addressed import kept as kept_away
    from diagnose.cli.ending import end_of, truth
    from diagnose.observe import observe_values
    from diagnose.observe.beside import tellers
    from diagnose.progress import Progress
    from diagnose.remote.address import shown
    from diagnose.store import Store

    study = _composed(config, named)
    observed = observe_values(study.config.observe)
    progress = Progress(sys.stderr)
    with ExitStack() as watching:  # goes on until all is drawn, when the records are closed
        with (
            kept_away(study) as keeper,
            Store(study.folder, study.header, study.shard) as store,
        ):
            job.begun(study.folder)
            shard = "" if study.shard.whole else study.shard.name
            hidden = [str(study.config.subject.get("api_key_env") or "")]
            fixed = {"shard": shard} if shard else {}
            watching.enter_context(kept(study.home, observed.log, fixed, hidden))
            tell(_log, logging.INFO, "study_opened", study=str(shown(study.folder)), job=job.key)
            where = (study.home, study.folder, shard)
            ending = watching.enter_context(tellers(observed, *where, progress.say))
            commands.note(study.folder, named)
            if keeper:
                keeper.begin()
            store.claim([study.identify(plan) for plan in study.of_shard])
            _take_over(study, store, keeper, progress)
            if study.forked:
                study.forked.write(study.folder / "source.json")
                progress.say(study.forked.told)
            truth(study)  # before the workers are forked: they inherit what it has measured
            if client := sys.modules.get("diagnose.models.litellm.client"):
                progress.waits_for(client.waiting)
            with served(study, progress.say):
                end = study.run(store, progress)
        if end.exit_code:
            return end.exit_code
        if study.shard.whole:
            end_of(study)
        else:
            then = "diagnose status, and diagnose analyze when it is complete"
            print(f"Study: {shown(study.folder)} ({then})")
        complete = end.recorded + end.not_run == end.total
        ending.state = "finished" if complete else "failed"
    return OK if complete else FAILED


def _take_over(study: Any, store: "Store", keeper: "Kept | None", progress: "Progress") -> None:
    """Take the episodes that other studies hold already."""
    from diagnose.cli.addressed import place_apart
    from diagnose.cli.baseline import reuse, take_over
    from diagnose.remote.address import shown

    only, found = study.of_shard, {}
    if study.config.baseline:
        source = place_apart(study.config.baseline, "baseline")
        found["baseline episodes", source] = take_over(study, store, source, only)
    if study.config.reuse:
        if keeper and len(store.ledger) < len(only):
            keeper.beside(study.header["shared"])
        # of what a look may yet make needless, nothing
        due = frozenset(one for one in only if not (study.stops(one) or study.waits(one)))
        taken = reuse(study, store, due)
        found |= {("episodes", source): count for source, count in taken.items()}
    for (what, source), count in found.items():
        progress.say(f"{count} {what} taken from {shown(source)}")
        tell(_log, logging.INFO, "taken_over", episodes=count, source=shown(source))


def _swept(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with a name for a sweep, and with a folder here for what Hydra makes."""
    from diagnose.remote.address import is_address, spools

    more = []
    if {"-m", "--multirun"} & set(arguments):
        more.append(f"++hydra.job.env_set.{jobs.SWEEP}={jobs.new_sweep()}")
    named = [one for one in arguments if one.startswith("study.folder=")]
    if named and is_address(named[-1]):
        more.append(f"hydra.sweep.dir='{spools()}'")
    overrides = (number for number, one in enumerate(arguments) if "=" in one and one[0] != "-")
    at = next(overrides, len(arguments))  # Hydra takes overrides in one row, flags around it
    return [*arguments[:at], *more, *arguments[at:]]


def served(study: Any, say: Callable[[str], None]) -> AbstractContextManager[None]:
    """Return what serves the subject while the study runs; nothing for one of this machine.

    Raises:
        ConfigError: a cap is set where nothing is paid for.
    """
    from diagnose.models import Caps, Served

    if isinstance(study.model, Served):
        return study.model.serving(study.home, study.caps.shared_by(study.shard.of), say)
    if study.caps != Caps():
        remedy = "nothing this subject does is paid for: leave every cap 0"
        raise ConfigError("caps", dict(study.config.caps), remedy)
    return nullcontext()


def explained(error: Exception, arguments: Sequence[str], of: str = "study") -> ConfigError:
    """Turn Hydra's error into one message that names the override and the nearest right one.

    ``of`` is the configuration that the overrides are for.
    """
    text = " ".join(str(error).split("\n\n")[0].split()).split(" To append to your")[0]
    missing = re.search(r"Could not find 'hydra/launcher/(joblib|ray|submitit)", text)
    if missing:
        extra = missing[1].replace("submitit", "slurm")
        remedy = f'its plugin is not installed: pip install -e ".[{extra}]"'
        given = next((one for one in arguments if "launcher=" in one), missing[1])
        return ConfigError("launcher", given, remedy)
    for argument in arguments:
        key = argument.partition("=")[0].lstrip("+~")
        if key and key in text and not key.startswith("-"):
            hint = _options(key) or _nearest(key, of)
            return ConfigError(key, argument, f"{hint} ({text})")
    return ConfigError("configuration", " ".join(arguments), text)


def _options(group: str) -> str:
    """Return what a configuration group offers; nothing where ``group`` is none."""
    names = sorted(
        str(path.relative_to(CONF / group).with_suffix(""))
        for path in (CONF / group).rglob("*.yaml")
        if (CONF / group) != CONF
    )
    return f"choose one of {', '.join(names)}" if names else ""


def _nearest(key: str, of: str) -> str:
    near = difflib.get_close_matches(key, _known(of), n=2, cutoff=0.4)
    return f"did you mean {' or '.join(near)}?" if near else f"see conf/{of}.yaml"


def _known(of: str) -> list[str]:
    """Return every key and group that an override may name."""
    from omegaconf import OmegaConf

    def keys(node: object, path: str) -> list[str]:
        if not isinstance(node, dict):
            return [path]
        return [name for key, value in node.items() for name in keys(value, f"{path}.{key}")]

    base = OmegaConf.to_container(OmegaConf.load(CONF / f"{of}.yaml"), resolve=False)
    plain = [name[1:] for name in keys(base, "") if not name.startswith((".defaults", ".hydra"))]
    groups = [
        str(folder.relative_to(CONF))
        for folder in CONF.rglob("*")
        if folder.is_dir() and any(folder.glob("*.yaml"))
    ]
    return [*plain, *groups]
