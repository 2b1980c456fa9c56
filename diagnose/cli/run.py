"""``diagnose run``: a Hydra application. Overrides, ``-m`` sweeps and ``--cfg job`` are Hydra's."""

import difflib
import os
import platform
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from diagnose.cli.configure import CONF
from diagnose.cli.launched import run_launched
from diagnose.cli.main import FAILED, OK
from diagnose.errors import ConfigError, DiagnoseError


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
    sys.argv = ["diagnose run", *arguments]
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
    from omegaconf import OmegaConf

    from diagnose.cli import commands
    from diagnose.cli.baseline import reuse, take_over
    from diagnose.cli.compose import compose
    from diagnose.cli.ending import end_of, truth
    from diagnose.config import study_config
    from diagnose.progress import Progress
    from diagnose.store import Store
    from diagnose.study import run_study

    for key in sorted(OmegaConf.missing_keys(config)):
        raise ConfigError(key, "???", f"it must be given: add {key}=... to the command")
    plain = OmegaConf.to_container(config, resolve=True)
    if not isinstance(plain, dict):
        raise ConfigError("configuration", type(plain).__name__, "give sections (see conf/)")
    named = list(HydraConfig.get().overrides.task)
    study = compose(study_config({str(key): value for key, value in plain.items()}, named))
    progress = Progress(sys.stderr)
    with Store(study.folder, study.header, study.shard) as store:
        commands.note(study.folder, named)
        only = study.of_shard
        store.claim([study.identify(plan) for plan in only])
        if study.config.baseline:
            source = Path(study.config.baseline)
            taken = take_over(study, store, source, only)
            progress.say(f"{taken} baseline episodes taken from {source}")
        if study.config.reuse:  # of what a look may yet make needless, nothing
            due = frozenset(one for one in only if not (study.stops(one) or study.waits(one)))
            for source, taken in reuse(study, store, due).items():
                progress.say(f"{taken} episodes taken from {source}")
        if study.forked:
            study.forked.write(study.folder / "source.json")
            progress.say(study.forked.told)
        truth(study)  # before the workers are forked: they inherit what it has measured
        with served(study, progress.say):
            end = run_study(
                study.plans,
                study.execute,
                store,
                identify=study.identify,
                unobserved=study.unobserved,
                policy=study.policy,
                progress=progress,
                concurrency=study.concurrency,
                stopping=study.stopping,
                allocation=(study.allocation, study.config.seed) if study.allocation else None,
            )
    if end.exit_code:
        return end.exit_code
    if study.shard.whole:
        end_of(study)
    else:
        print(f"Study: {study.folder} (diagnose status, and diagnose analyze when it is complete)")
    return OK if end.recorded + end.not_run == end.total else FAILED


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


def explained(error: Exception, arguments: Sequence[str]) -> ConfigError:
    """Turn Hydra's error into one message that names the override and the nearest right one."""
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
            hint = _options(key) or _nearest(key)
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


def _nearest(key: str) -> str:
    near = difflib.get_close_matches(key, _known(), n=2, cutoff=0.4)
    return f"did you mean {' or '.join(near)}?" if near else "see diagnose run --help"


def _known() -> list[str]:
    """Return every key and group that an override may name."""
    from omegaconf import OmegaConf

    def keys(node: object, path: str) -> list[str]:
        if not isinstance(node, dict):
            return [path]
        return [name for key, value in node.items() for name in keys(value, f"{path}.{key}")]

    base = OmegaConf.to_container(OmegaConf.load(CONF / "study.yaml"), resolve=False)
    plain = [name[1:] for name in keys(base, "") if not name.startswith((".defaults", ".hydra"))]
    groups = [
        str(folder.relative_to(CONF))
        for folder in CONF.rglob("*")
        if folder.is_dir() and any(folder.glob("*.yaml"))
    ]
    return [*plain, *groups]
