"""Train: from a base, a data folder and settings to a checkpoint folder with its treatment.

    train(TrainSettings(base="models/tiny", data="data", out="treatments/dft", objective="dft"))

Whatever is wrong with what was given is said before the first step. A training that was killed goes
on from its last checkpoint when it is asked for again, and ends at the weights that it would have
ended at; one that is finished is returned as it is.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diagnose.errors import ConfigError
from diagnose.records import canonical_json
from diagnose.training.dataset import ABOUT, Dataset
from diagnose.training.extra import require_train
from diagnose.training.settings import UNTRAINED, TrainSettings
from diagnose.training.treatment import NAME, Treatment, weights_sha256

if TYPE_CHECKING:
    from diagnose.training.material import Material
    from diagnose.training.statistics import Reference

SETTINGS, CHECKPOINTS = "settings.json", "checkpoints"
PLACES = frozenset({"base", "data", "out", "start"})  # a folder may be moved and go on
OWN = frozenset({SETTINGS, CHECKPOINTS, "training_log.jsonl"})
Say = Callable[[str], None]


def _silent(text: str) -> None:
    """Say nothing."""


def train(settings: TrainSettings, say: Say = _silent) -> Treatment:
    """Train, and return what ``treatment.json`` in ``settings.out`` says.

    Args:
        settings: checked on their own already.
        say: takes one line of text at a time, on how far it is.

    Raises:
        ConfigError: the extra is not installed, or the settings do not fit the base, the machine
            or the folder.
        InputError: the data, the base or the adapter to go on from cannot be used.
    """
    require_train()
    out = Path(settings.out)
    finished = _finished(out, settings)
    if finished:
        say(f"{out} is finished")
        return finished
    from diagnose.training.quiet import quiet

    with quiet():
        ready = _prepared(settings)
        out.mkdir(parents=True, exist_ok=True)
        (out / SETTINGS).write_text(_signature(settings) + "\n", encoding="utf-8")
        return _run(settings, ready, out, say)


@dataclass(frozen=True)
class _Ready:
    """All that was loaded and checked."""

    model: Any
    tokenizer: Any
    adapter: Any
    copy: Any
    found: "Material"
    base_sha256: str
    data_sha256: str


def _prepared(settings: TrainSettings) -> _Ready:
    import torch
    from transformers import set_seed

    from diagnose.training import adapters, loading
    from diagnose.training.built import framework_seed
    from diagnose.training.material import material

    if settings.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device", "cuda", "there is none here; give auto or cpu")
    data = Dataset.read(settings.data)
    home = loading.located(settings.base)
    tokenizer = loading.load_tokenizer(home, settings.template)
    base_sha256 = weights_sha256(home)
    model = loading.load_model(home, settings)
    loading.matched(tokenizer, model, home)
    context = getattr(model.config.get_text_config(), "max_position_embeddings", 2**31)
    adapter = adapters.adapter_of(settings, model)
    found = material(data, tokenizer, settings, context)
    _room(Path(settings.out), model, settings)
    set_seed(framework_seed(settings))
    if settings.start:
        if adapter is None:
            raise ConfigError("start", settings.start, "adapter=full begins at base: give it there")
        model = loading.with_start(model, tokenizer, home, settings)
        adapter = None
    compared = settings.measure_examples or settings.objective in {"asft", "dpo"}
    copy = None
    if settings.adapter == "full" and compared:
        copy = loading.load_model(home, settings).eval().requires_grad_(False)
    about = (Path(settings.data) / ABOUT).read_bytes()
    return _Ready(
        model, tokenizer, adapter, copy, found, base_sha256, hashlib.sha256(about).hexdigest()
    )


def _run(settings: TrainSettings, ready: _Ready, out: Path, say: Say) -> Treatment:
    from diagnose.training.built import trainer_of
    from diagnose.training.statistics import Reference
    from diagnose.training.watching import Log, Watch

    place = out / CHECKPOINTS
    resumed = _last(place)
    given = (ready.model, ready.tokenizer, ready.adapter, ready.copy, place)
    try:
        trainer = trainer_of(settings, ready.found, *given)
    except (ValueError, RuntimeError, NotImplementedError) as error:
        raise ConfigError(
            "adapter", settings.adapter, f"it does not go with this base: {error}"
        ) from error
    model = trainer.model
    reference = None
    if ready.copy is not None or settings.adapter != "full":
        if ready.copy is not None:
            ready.copy.to(trainer.args.device)
        reference = Reference(model, ready.copy)
    trainer.reference = reference
    log = Log(out, int(resumed.name.rpartition("-")[2]) if resumed else None)
    watch = Watch(log, _measure(settings, ready, model, reference), settings.measure_times, say)
    trainer.add_callback(watch)
    before = _before(out, resumed is not None) or dict(watch.record(0))
    parameters = sum(one.numel() for one in model.parameters() if one.requires_grad)
    say(f"{len(ready.found.train)} examples, {ready.found.targets} target tokens, "
        f"{parameters:,} parameters")  # fmt: skip
    untrained = settings.placebo == UNTRAINED
    if untrained:
        seconds, after = 0.0, before
    else:
        watch.aside_s, began_s = 0.0, time.monotonic()
        trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
        seconds = time.monotonic() - began_s - watch.aside_s
        after = dict(watch.record(trainer.state.global_step))
    _save(model, ready.tokenizer, out)
    made = Treatment(
        objective=settings.objective,
        adapter=settings.adapter,
        base=settings.base,
        base_sha256=ready.base_sha256,
        data_sha256=ready.data_sha256,
        examples=0 if untrained else len(ready.found.train),
        tokens=0 if untrained else ready.found.targets,
        parameters=parameters,
        seconds=seconds,
        seed=settings.seed,
        adapter_settings=_plain(settings.adapter_settings),
        settings=settings.plain(),
        metrics={split: {"before": before[split], "after": dict(after[split])} for split in after},
    )
    made.write(out)
    shutil.rmtree(place, ignore_errors=True)
    return made


def _measure(
    settings: TrainSettings, ready: _Ready, model: Any, reference: "Reference | None"
) -> Callable[[], Mapping[str, Mapping[str, float]]]:
    """Return what measures the model on the first examples of each split."""
    from diagnose.training.statistics import measured

    most, pad = settings.measure_examples, ready.tokenizer.pad_token_id
    splits = {"train": ready.found.train[:most], "validation": ready.found.validation[:most]}

    def measure() -> dict[str, dict[str, float]]:
        return {
            split: measured(model, reference, some, pad, settings.micro_batch_size)
            for split, some in splits.items()
            if some
        }

    return measure


def _before(out: Path, resumed: bool) -> dict[str, Any]:
    """Return what was measured before the first step, of a training that goes on."""
    from diagnose.training.watching import LOG

    if not resumed:
        return {}
    lines = [json.loads(line) for line in (out / LOG).read_text(encoding="utf-8").splitlines()]
    first = [line for line in lines if line["step"] == 0 and "split" in line]
    return {
        line["split"]: {key: line[key] for key in line if key not in {"step", "split"}}
        for line in first
    }


def _save(model: Any, tokenizer: Any, out: Path) -> None:
    if hasattr(model, "peft_config"):  # of two, the second is the preference's reference
        model.save_pretrained(str(out), selected_adapters=["default"])
    else:
        model.save_pretrained(str(out))
    tokenizer.save_pretrained(str(out))


def _finished(out: Path, settings: TrainSettings) -> Treatment | None:
    """Return the treatment that a folder holds already; refuse a folder that is another's.

    Raises:
        ConfigError: it holds something else, or a training with other settings.
    """
    if out.exists() and not out.is_dir():
        raise ConfigError("out", settings.out, "is a file; name a folder")
    held = {one.name for one in out.iterdir()} if out.is_dir() else set()
    if held <= OWN and not _last(out / CHECKPOINTS):
        return None  # nothing, or one that did not come to its first checkpoint
    try:
        said = (out / SETTINGS).read_text(encoding="utf-8")
    except OSError as error:
        remedy = "holds something else than a training; name another folder"
        raise ConfigError("out", settings.out, remedy) from error
    if said.strip() != _signature(settings):
        remedy = "holds a training with other settings; name another folder, or remove it"
        raise ConfigError("out", settings.out, remedy)
    return Treatment.read(out) if (out / NAME).is_file() else None


def _signature(settings: TrainSettings) -> str:
    plain = {key: _plain(value) for key, value in settings.plain().items() if key not in PLACES}
    plain["start"] = bool(settings.start)
    if settings.placebo == "none":  # as folders say that were begun before there were placebos
        del plain["placebo"]
    return canonical_json(plain)


def _plain(value: Any) -> Any:
    """Return containers as JSON has them."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return list(value) if isinstance(value, tuple | list) else value


def _last(place: Path) -> Path | None:
    """Return the newest checkpoint that is whole; one that was being written is removed.

    The trainer's state is the last file of a checkpoint.
    """
    found = [one for one in place.glob("checkpoint-*") if one.name.rpartition("-")[2].isdigit()]
    for one in sorted(found, key=lambda one: int(one.name.rpartition("-")[2]), reverse=True):
        try:
            json.loads((one / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(one)
            continue
        return one
    return None


def _room(out: Path, model: Any, settings: TrainSettings) -> None:
    """Refuse a disk that the checkpoints do not fit on.

    The whole model is written once; with checkpoints, twice more with two moments of each weight
    (a new one is written before the old one is removed). An adapter is small: a tenth is reserved.

    Raises:
        ConfigError: there is less room.
    """
    weights = sum(one.numel() * one.element_size() for one in model.parameters())
    copies = 1 + (6 if settings.checkpoint_every else 0)
    need = copies * weights if settings.adapter == "full" else copies * weights // 10
    home = next(one for one in (out, *out.absolute().parents) if one.is_dir())
    free = shutil.disk_usage(home).free
    if free < need:
        told = f"{free / 1e9:.3g} GB free on {home}, {need / 1e9:.3g} GB needed"
        raise ConfigError("out", told, "make room, or give checkpoint_every=0 or another out")
