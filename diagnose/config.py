"""What a resolved configuration says, checked: the boundary between YAML and the engine."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diagnose.errors import ConfigError

HELD = ("on", "off")  # an intervention named so on the command line is held; others are varied
STUDY_KEYS = ("name", "folder", "seed", "runs", "tasks", "setting", "stop", "allocate")
STOP_KEYS = ("rule", "scope", "estimand", "every", "alpha", "target")
ALLOCATE_KEYS = ("rule", "estimand", "pilot", "every", "most", "cost")
SETTINGS = ("independent", "curriculum")
DESIGN_OPTIONS = ("generator", "resolution")  # of fractions (diagnose.design)
SECTIONS = (
    *("study", "env", "subject", "design", "interventions"),
    *("budgets", "scaffold", "limits", "caps", "run"),
)


@dataclass(frozen=True)
class StudyConfig:
    """A study's plain values, by section; see conf/study.yaml for each one's meaning."""

    name: str
    folder: str
    seed: int
    runs: int
    tasks: tuple[str, ...] | None  # None = all published tasks
    setting: str  # one of SETTINGS
    stop: Mapping[str, Any]  # when looks at the study may end it; empty for never
    allocate: Mapping[str, Any]  # how later runs go where they tell most; empty for all alike
    design: str  # its name; the option of a fraction follows: "half_fraction: D = ABC"
    env: tuple[str, ...]  # variants of the world; more than one are crossed with the factors
    fork: tuple[str, object] | None  # the folder of a study whose failures are continued, and where
    baseline: str | None  # the folder of a study whose baseline episodes are taken over
    reuse: bool  # whether episodes that studies beside it hold already are taken over
    subject: Mapping[str, Any]
    interventions: Mapping[str, Mapping[str, Any]]  # in the order of the factors
    fixed: frozenset[str]  # interventions named on the command line
    budgets: Mapping[str, Any]
    scaffold: Mapping[str, Any]
    limits: Mapping[str, Any]
    caps: Mapping[str, Any]
    run: Mapping[str, Any]
    observe: Mapping[str, Any]


def study_config(config: Mapping[str, Any], named: Sequence[str] = ()) -> StudyConfig:
    """Return a resolved Hydra configuration as checked values.

    Args:
        config: plain containers, interpolations resolved.
        named: the command line's overrides; ``interventions/NAME=on`` or ``off`` holds that factor.

    Raises:
        ConfigError: a section is missing or a value cannot be meant.
    """
    for section in SECTIONS:
        if not isinstance(config.get(section), Mapping):
            raise ConfigError(section, config.get(section), "give this section (see conf/)")
    study = config["study"]
    _known("", config, (*SECTIONS, "observe", "baseline", "fork", "reuse"))
    _known("study.", study, STUDY_KEYS)
    _known("design.", config["design"], ("name", *DESIGN_OPTIONS))
    _known("env.", config["env"], ("variants",))
    name = _text("study.name", study.get("name"))
    if not name.replace("-", "").replace("_", "").isalnum():
        raise ConfigError("study.name", name, "use letters, digits, - and _")
    baseline = config.get("baseline")
    interventions = {
        key: _intervention(key, value) for key, value in config["interventions"].items()
    }
    chosen = (part.removeprefix("+").partition("=") for part in named)
    fixed = frozenset(
        group.removeprefix("interventions/")
        for group, _, option in chosen
        if group.startswith("interventions/") and option in HELD
    )
    return StudyConfig(
        name=name,
        folder=_text("study.folder", study.get("folder")),
        seed=_whole("study.seed", study.get("seed"), 0),
        runs=_whole("study.runs", study.get("runs"), 1),
        tasks=_tasks(study.get("tasks")),
        setting=_choice("study.setting", study.get("setting"), SETTINGS),
        fork=_fork(config),
        stop=_stop(study),
        allocate=_allocate(config),
        baseline=None if baseline is None else _text("baseline", baseline),
        reuse=_yes_or_no("reuse", config.get("reuse", True)),
        design=_design(config["design"]),
        env=_variants(config["env"].get("variants")),
        subject=config["subject"],
        interventions=interventions,
        fixed=fixed & interventions.keys(),
        budgets=config["budgets"],
        scaffold=config["scaffold"],
        limits=config["limits"],
        caps=config["caps"],
        run=config["run"],
        observe=config.get("observe") or {},
    )


def _fork(config: Mapping[str, Any]) -> tuple[str, object] | None:
    """Return whose failures are continued, and from where; None where episodes begin anew."""
    section = config.get("fork") or {}
    _known("fork.", section, ("from", "at"))
    if section.get("from") is None:
        return None
    for field, wanted in (("study.setting", SETTINGS[0]), ("baseline", None)):
        part, _, key = field.partition(".")
        given = config[part].get(key) if key else config.get(part)
        if given != wanted:
            raise ConfigError(field, given, f"with fork.from give {wanted or 'null'}")
    if _stop(config["study"]):
        raise ConfigError(
            "study.stop.rule", config["study"]["stop"]["rule"], "with fork.from: none"
        )
    if _allocate(config):
        rule = config["study"]["allocate"]["rule"]
        raise ConfigError("study.allocate.rule", rule, "with fork.from: none")
    if len(_variants(config["env"].get("variants"))) > 1:
        raise ConfigError("env", config["env"]["variants"], "with fork.from give one: the source's")
    return _text("fork.from", section["from"]), section.get("at")


def _known(where: str, section: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Refuse what nothing would read: a misspelt ``+key`` must not run another study in silence."""
    for key in section:
        if key not in keys:
            field = f"{where}{key}"
            raise ConfigError(field, section[key], f"nothing is called so; {_nearest(key, keys)}")


def _nearest(key: str, keys: Sequence[str]) -> str:
    near = difflib.get_close_matches(key.rpartition("/")[2], keys, n=1)
    return f"did you mean {near[0]}?" if near else f"choose from {', '.join(keys)}"


def _intervention(name: str, value: object) -> Mapping[str, Any]:
    where = f"interventions.{name}"
    if not isinstance(value, Mapping) or "_target_" not in value:
        raise ConfigError(where, value, f"choose one, as in interventions/{name}=on")
    levels = value.get("levels")
    whole = isinstance(levels, Sequence) and all(type(level) is int for level in levels)
    if not whole or not levels:
        raise ConfigError(f"{where}.levels", levels, "give a list of doses, such as [0, 1]")
    return value


def _stop(study: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the stopping rule's values; nothing without a rule."""
    stop = study.get("stop", {})
    if not isinstance(stop, Mapping):
        raise ConfigError("study.stop", stop, "give a section, as in conf/study.yaml")
    _known("study.stop.", stop, STOP_KEYS)
    if stop.get("rule") is None:
        return {}
    if study.get("setting") != SETTINGS[0]:
        remedy = "a curriculum ties tasks together: set study.setting=independent or no rule"
        raise ConfigError("study.stop.rule", stop["rule"], remedy)
    return {
        "rule": _text("study.stop.rule", stop["rule"]),
        "scope": _choice("study.stop.scope", stop.get("scope"), ("study", "cell")),
        "estimand": stop.get("estimand"),
        "every": _whole("study.stop.every", stop.get("every"), 1),
        "alpha": stop.get("alpha"),
        "target": _choice("study.stop.target", stop.get("target"), ("new", "fixed")),
    }


def _allocate(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how runs are allocated; nothing where every cell has the same."""
    study = config["study"]
    section = study.get("allocate", {})
    if not isinstance(section, Mapping):
        raise ConfigError("study.allocate", section, "give a section, as in conf/study.yaml")
    _known("study.allocate.", section, ALLOCATE_KEYS)
    rule = section.get("rule")
    if rule is None:
        return {}
    field = "study.allocate.rule"
    if study.get("setting") != SETTINGS[0]:
        remedy = "a curriculum ties tasks together: set study.setting=independent or no rule"
        raise ConfigError(field, rule, remedy)
    if _stop(study):
        remedy = "a study that may stop early has no budget to share out: give study.stop or this"
        raise ConfigError(field, rule, remedy)
    if config.get("baseline") is not None:
        remedy = "which baseline episodes are run is decided here: give baseline=null or no rule"
        raise ConfigError(field, rule, remedy)
    return {
        "rule": _text(field, rule),
        "estimand": section.get("estimand"),
        **{key: _whole(f"study.allocate.{key}", section.get(key), 1) for key in ALLOCATE_KEYS[2:5]},
        "cost": _text("study.allocate.cost", section.get("cost")),
    }


def _design(section: Mapping[str, Any]) -> str:
    """Return the design's name, its option after it."""
    name = _text("design.name", section.get("name"))
    given = [str(section[key]) for key in DESIGN_OPTIONS if section.get(key) is not None]
    return ": ".join([name, *given])


def _tasks(value: object) -> tuple[str, ...] | None:
    if value == "all":
        return None
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not names:
        raise ConfigError("study.tasks", value, "give all, or a list such as [A-L1, C-L3]")
    return tuple(_text("study.tasks", name) for name in names)


def _variants(value: object) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ConfigError("env.variants", value, "give a list, such as [vanilla, renamed]")
    return tuple(_text("env.variants", name) for name in value)


def _text(field: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigError(field, value, "give a text")
    return value


def _yes_or_no(field: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(field, value, "give true or false")
    return value


def _choice(field: str, value: object, choices: Sequence[str]) -> str:
    if value not in choices:
        raise ConfigError(field, value, f"choose one of {', '.join(choices)}")
    return str(value)


def _whole(field: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(field, value, f"give a whole number, {least} or more")
    return value
