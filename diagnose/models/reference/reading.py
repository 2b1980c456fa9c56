"""What the reference subject understands of the texts it is given.

It recognises meaning by content words and by the forms it writes itself; whatever is not in the
messages is not known to it. It speaks the language of every variant of the world, so the names of
things are nothing to it: texts are read with every thing called by its short noun.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from diagnose.env.experiments import Outcome, catalogue
from diagnose.env.questions import match
from diagnose.env.terms import plain
from diagnose.env.variant import KINDS, Variant, variant
from diagnose.errors import SubjectError
from diagnose.laws import CATALOGUE
from diagnose.tasks import Task

COMMON = frozenset(
    "a an and at from how in is its it of on one or that the to up what which".split()
)
_FUNCTION = re.compile(r"[a-z_]+\(")
_SIDE = re.compile(r"\((\d+) by \d+ columns\)")
_LAMPS = re.compile(r"exactly (\d+) lamps")
_PALETTE = re.compile(r"^- ([a-z_]+)", re.MULTILINE)
_INTERVAL = re.compile(r"from ([\d.]+) (?:to ([\d.]+) rt|rt on)")
_LATE = "\n# New from here on\n"  # what an intervention says that joins an episode on its way

# How each family's goal is stated, and what its numbers are called.
_GOALS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "A": (re.compile(r"at most (\d+) redstone ticks? apart"), "skew_rt"),
    "B": (re.compile(r"must be exactly (\d+) blocks away"), "reach"),
    "C": (re.compile(r"must be exactly, in redstone ticks: \[([\d, ]+)\]"), "delays_rt"),
    "D": (re.compile(r"at each of the distances ([\d, ]+) from the button"), "distances"),
    "E": (re.compile(r"powered for exactly (\d+) redstone ticks"), "tau_rt"),
}
_LISTS = ("delays_rt", "distances")

# What a sketch says when it tells where a law's mechanism belongs: all words of one line.
_PLAN_CUES: Mapping[str, tuple[str, ...]] = {
    "dust_axes": ("turn", "corner"),
    "dust_pointing": ("lamp", "own", "branch"),
    "block_power": ("lamps", "among", "blocks"),
    "dust_climb": ("wire", "storey"),
    "attenuation": ("boosters", "trunk"),
    "repeater_direction": ("booster", "outwards"),
    "repeater_delay": ("element", "setting", "timing"),
    "pulse_length": ("shaper", "button"),
    "lamp_lag": ("shaper", "glow"),
    "comparator_subtraction": ("copy", "comparator"),
}

# The forms in which the subject states a law it has found.
CLAIMS: Mapping[str, str] = {
    "dust_axes": "Redstone dust joins dust along the axes and never across a corner.",
    "dust_pointing": "Dust lights the lamp it points at and the lamp it lies on, "
    "not the lamp it passes.",
    "block_power": "A block under powered dust lights the lamps beside it.",
    "dust_climb": "Dust climbs a step of {value} block between neighbouring cells.",
    "attenuation": "A signal lives for {value} dusts in line.",
    "repeater_direction": "A repeater faces its input and passes the signal away from it.",
    "repeater_delay": "A repeater at setting n delays by n rt, up to {value} rt.",
    "pulse_length": "A stone button stays pressed for {value} rt.",
    "lamp_lag": "A lamp glows for {value} rt after its power is gone.",
    "comparator_subtraction": "In subtract mode a side input as strong as the rear input "
    "turns a comparator off; in compare mode it does not.",
}


def words(text: str) -> frozenset[str]:
    """Return the content words of a text, lower case."""
    return frozenset(re.findall(r"[a-z]+", text.lower())) - COMMON


@lru_cache(maxsize=256)
def language(system: str, seed: int) -> Variant:
    """Return the variant of the world whose blocks the system prompt lists.

    Raises:
        SubjectError: it knows none such.
    """
    listed = _PALETTE.findall(system.partition("# Blocks\n")[2])
    for kind in KINDS:
        spoken = variant(kind, seed)
        if list(spoken.palette) == listed[: len(spoken.palette)]:
            return spoken
    raise SubjectError("the reference subject does not know this world")


@lru_cache(maxsize=4096)
def heard(text: str, spoken: Variant) -> str:
    """Return a text with every thing called by its short noun."""
    return plain(spoken.hear(text))


@lru_cache(maxsize=512)
def read_task(system: str, first: str) -> Task:
    """Return the task that the prompts state.

    Raises:
        SubjectError: it understands no goal in them.
    """
    side, lamps = _SIDE.search(system), _LAMPS.search(first)
    for letter, (goal, name) in _GOALS.items():
        found = goal.search(first)
        if found and side and lamps:
            numbers = [int(part) for part in found[1].split(",")]
            value = numbers if name in _LISTS else numbers[0]
            return Task(letter, 0, int(lamps[1]), int(side[1]), {name: value})
    raise SubjectError("the reference subject does not understand this task")


@lru_cache(maxsize=1024)
def named_topics(first: str) -> frozenset[str]:
    """Return the laws that the text's list items are about, by meaning."""
    items = [line[2:] for line in first.splitlines() if line.startswith("- ")]
    found = (match(item) for item in items if not _FUNCTION.match(item))
    return frozenset(experiment.law for experiment in found if experiment) & CATALOGUE.keys()


@lru_cache(maxsize=1024)
def planned_laws(first: str) -> frozenset[str]:
    """Return the laws for whose mechanism the text says where it belongs in the device."""
    lines = [words(line) for line in first.splitlines()]
    return frozenset(
        law
        for law, cues in _PLAN_CUES.items()
        if any(all(cue in line for cue in cues) for line in lines)
    )


def late(texts: Iterable[str]) -> list[str]:
    """Return what messages after the first one offer from there on; nothing where none does."""
    return [offer for text in texts if (offer := text.partition(_LATE)[2])]


def parameters(first: str, function: str) -> tuple[str, ...]:
    """Return the parameters of a host function that the text offers; nothing if it offers none."""
    found = re.search(rf"^- {function}\(([a-z_, ]+)\)", first, flags=re.MULTILINE)
    return tuple(found[1].split(", ")) if found else ()


def answers_at_once(first: str) -> int | None:
    """Return how many answers it wants in one message: whole reports are long, others are not."""
    return 3 if "eight sections" in first else None


@lru_cache(maxsize=4096)
def _findings(text: str) -> tuple[tuple[str, int], ...]:
    by_title = {plain(experiment.title): experiment for experiment in catalogue().values()}
    found: dict[str, int] = {}
    for block in text.split("Experiment: ")[1:]:
        title, *lines = map(str.strip, block.splitlines())
        experiment = by_title.get(title)
        if experiment is None:
            continue
        labels = {plain(arm.label): arm.label for arm in experiment.arms}
        results: dict[str, Outcome] = {}
        for line in lines:
            if not line.startswith("- "):
                break
            label, _, seen = line[2:].rpartition(": ")
            results[labels.get(label, label)] = _outcome(seen)
        value = experiment.infer(results)
        if value is not None:
            found[experiment.law] = value
    return tuple(found.items())


def _outcome(seen: str) -> Outcome:
    return tuple(
        (float(rise), float(fall) if fall else None) for rise, fall in _INTERVAL.findall(seen)
    )


def findings(texts: Iterable[str]) -> dict[str, int]:
    """Return the laws that reported experiments reveal, with their values."""
    found: dict[str, int] = {}
    for text in texts:
        found.update(_findings(text))
    return found


@lru_cache(maxsize=4096)
def _booked(text: str) -> tuple[tuple[str, int], ...]:
    _, _, book = text.rpartition("# Knowledge book")
    found = []
    for law, pattern in _claim_patterns().items():
        match = pattern.search(book)
        if match:
            found.append((law, int(match[1]) if match.groups() else 1))
    return tuple(found)


@cache
def _claim_patterns() -> Mapping[str, re.Pattern[str]]:
    return {
        law: re.compile(re.escape(plain(claim)).replace(r"\{value\}", r"(\d+)"))
        for law, claim in CLAIMS.items()
    }


def booked(text: str) -> dict[str, int]:
    """Return the laws stated in the knowledge book that a text shows, with their values."""
    return dict(_booked(text)) if "# Knowledge book" in text else {}
