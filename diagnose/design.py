"""Factors -> cells -> a schedule: blocked by run, randomised within the block, paired across cells.

A design is one function from factors to cells, registered by name; a new design is one new
function here or in a file of its own that calls ``register``. Blocking by run means that a study
stopped early holds whole blocks (every cell x task once) and that adding runs keeps the earlier
blocks as they were.
"""

import hashlib
import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from diagnose.errors import ConfigError
from diagnose.intervention import SHAM
from diagnose.records import canonical_json
from diagnose.seeds import stream

MAX_DOSE = 9  # a cell's code has one digit per factor
RESOLUTIONS = ("3", "4", "5")  # of fractions
LEAST_FRACTION = 3  # factors that vary; of fewer a fraction is no design, and all cells are taken
MAX_FRACTION = 8  # factors of a fraction: as many as the analysis takes


@dataclass(frozen=True)
class Factor:
    """One intervention as the design sees it. ``levels`` are doses: 0 is off, 9 is the sham.

    A factor fixed for a whole study has one level.

    Raises:
        ConfigError: the name is empty, or the levels are not increasing doses from 0 to 9.
    """

    name: str
    capacity: str
    levels: tuple[int, ...] = (0, 1)

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigError("factor.name", self.name, "name the factor")
        doses = self.levels
        whole = all(type(dose) is int and 0 <= dose <= MAX_DOSE for dose in doses)
        if not doses or not whole or list(doses) != sorted(set(doses)):
            raise ConfigError(
                f"factor {self.name}: levels",
                doses,
                f"give at least one dose from 0 to {MAX_DOSE}, each once and increasing",
            )

    @property
    def off(self) -> int:
        """The lowest dose: 0, or the fixed one."""
        return self.levels[0]

    @property
    def full(self) -> int:
        """The standard dose 1; without it, or held above 0, the highest real dose."""
        real = [dose for dose in self.levels if self.off < dose != SHAM]
        if 1 in real:
            return 1
        return real[-1] if real else self.levels[-1]

    @property
    def sham(self) -> int | None:
        """The placebo's dose, if it is among the levels beside another."""
        return SHAM if SHAM in self.levels[1:] else None

    def fixed(self, dose: int) -> "Factor":
        """Return this factor held at ``dose`` throughout the study."""
        return Factor(self.name, self.capacity, (dose,))


@dataclass(frozen=True)
class Cell:
    """One setting of all factors: a dose per factor, in the factors' order."""

    doses: tuple[int, ...]

    @property
    def code(self) -> str:
        """One digit per factor, for example ``0110``."""
        return "".join(map(str, self.doses))

    @classmethod
    def from_code(cls, code: str) -> "Cell":
        """Return the cell of ``code``.

        Raises:
            ConfigError: ``code`` is not a row of digits.
        """
        if not (code.isascii() and code.isdigit()):
            raise ConfigError("cell", code, "give one digit per factor, for example 0110")
        return cls(tuple(map(int, code)))


@dataclass(frozen=True)
class EpisodePlan:
    """One episode to run: where it stands in the design and in the schedule."""

    task: str
    run: int
    cell: str
    block: int  # the run it belongs to: blocks are runs
    position: int  # its place within the block, from 0
    chain: str = ""  # the dependent series it belongs to (``diagnose.curriculum``); empty for none
    after: str = ""  # the task whose episode, of the same run and cell, comes before it
    carried: tuple[Mapping[str, str], ...] = field(default=(), compare=False)  # what that one left

    def seed_path(self, study_seed: int) -> tuple[str | int, ...]:
        """Return the episode's branch of the seed tree; cells share it, which pairs them."""
        return (study_seed, self.task, self.run)


Design = Callable[..., tuple[Cell, ...]]  # of the factors; a fraction's option as text comes second
DESIGNS: dict[str, Design] = {}
OPTIONS = {"half_fraction": "generator", "fractional": "resolution"}  # designs that take one


def register(design: Design) -> Design:
    """Enter ``design`` in the registry under its function name.

    Raises:
        ConfigError: another design has that name.
    """
    name = design.__name__
    if name in DESIGNS:
        raise ConfigError("design", name, "a design of that name exists; choose another name")
    DESIGNS[name] = design
    return design


@register
def full_factorial(factors: Sequence[Factor]) -> tuple[Cell, ...]:
    """Every combination of levels: all effects and interactions are estimable."""
    return tuple(Cell(doses) for doses in itertools.product(*(f.levels for f in factors)))


@register
def paper_sequential(factors: Sequence[Factor]) -> tuple[Cell, ...]:
    """Factors switched on cumulatively, in order: 0000, 1000, 1100, 1110, 1111."""
    return _distinct(
        Cell(tuple(f.full if i < on else f.off for i, f in enumerate(factors)))
        for on in range(len(factors) + 1)
    )


@register
def paper_2x2(factors: Sequence[Factor]) -> tuple[Cell, ...]:
    """The first factor crossed with the others together: 0000, 1000, 0110, 1110, the last held."""
    rest = set(range(1, len(factors)))
    return _distinct(
        Cell(tuple(f.full if i in on else f.off for i, f in enumerate(factors)))
        for on in (set[int](), {0}, rest, {0} | rest)
    )


@register
def one_at_a_time(factors: Sequence[Factor]) -> tuple[Cell, ...]:
    """No factor, each factor alone, all factors: 0000, 1000, 0100, 0010, 0001, 1111."""
    subsets = [set[int](), *({i} for i in range(len(factors))), set(range(len(factors)))]
    return _distinct(
        Cell(tuple(f.full if i in on else f.off for i, f in enumerate(factors))) for on in subsets
    )


@register
def alone(factors: Sequence[Factor]) -> tuple[Cell, ...]:
    """No factor, and each factor alone at each of its levels, shams too: 0000, 1000, ..., 0001."""
    return _distinct(_alone(factors, shams=True))


@register
def placebo_controlled(factors: Sequence[Factor]) -> tuple[Cell, ...]:
    """No factor, each alone at each of its levels, all, and all with one of them as its sham.

    Levels 0, 1 and 9 of four factors make 14 cells: 0000, 1000, 9000, ..., 1111, 9111, 1911, ...
    A factor without a sham among its levels has its real doses only.
    """
    everything = tuple(f.full for f in factors)
    shams = [
        Cell((*everything[:i], f.sham, *everything[i + 1 :]))
        for i, f in enumerate(factors)
        if f.sham is not None
    ]
    return _distinct([*_alone(factors, shams=True), Cell(everything), *shams])


@register
def dose_response(factors: Sequence[Factor]) -> tuple[Cell, ...]:
    """No factor, each alone at each of its real doses, all at their standard dose.

    Levels 0 to 3 of four factors make 14 cells: 0000, 1000, 2000, 3000, 0100, ..., 1111.
    """
    everything = Cell(tuple(f.full for f in factors))
    return _distinct([*_alone(factors, shams=False), everything])


@register
def half_fraction(factors: Sequence[Factor], generator: str = "") -> tuple[Cell, ...]:
    """Half of the combinations of on and off: 2^(k-1) cells, 8 of four factors.

    Args:
        factors: those that vary are A, B, C, ... in their order.
        generator: which factor is on when a product of others is, as ``D = ABC`` or ``D = -ABC``
            (the other half); empty for the last one as the product of all others, which confounds
            least, with the sign that has the cell in which every factor is off.

    Raises:
        ConfigError: too many factors vary, or the generator cannot be read.
    """
    from pydoe import fracfact

    letters = _letters(factors, "half_fraction")
    if len(letters) < LEAST_FRACTION and not generator:
        return _on_or_off(factors)
    sign = "" if len(letters) % 2 == 0 else "-"
    text = (generator or f"{letters[-1]} = {sign}{letters[:-1]}").upper().replace(" ", "")
    made, sign, word = "", "", ""
    if found := re.fullmatch(r"([A-Z])=([+-]?)([A-Z]+)", text):
        made, sign, word = found.groups()
    known = set(word) <= set(letters) - {made} and len(set(word)) == len(word) > 1
    if not made or made not in letters or not known:
        example = f"{letters[-1]} = {letters[:-1]}"
        remedy = f"give one of {letters} as a product of others, such as {example}"
        raise ConfigError("design.generator", generator, remedy)
    base = letters.replace(made, "")
    own = str.maketrans(base, "abcdefghijklmnopqrstuvwxyz"[: len(base)])
    signs = fracfact(
        " ".join(f"{sign}{word}" if one == made else one for one in letters).translate(own)
    )
    return _signed(factors, signs)


@register
def fractional(factors: Sequence[Factor], resolution: str = "4") -> tuple[Cell, ...]:
    """The smallest 2^(k-p) fraction of a resolution: main effects clear of others below it.

    Resolution 3 confounds main effects with pairs, 4 pairs with pairs, 5 pairs with triples.

    Raises:
        ConfigError: too many factors vary, or the resolution is another.
    """
    from pydoe import fracfact_by_res

    letters = _letters(factors, "fractional")
    if len(letters) < LEAST_FRACTION:
        return _on_or_off(factors)
    if resolution not in RESOLUTIONS:
        remedy = f"give one of {', '.join(RESOLUTIONS)}, or take design=full_factorial"
        raise ConfigError("design.resolution", resolution, remedy)
    signs = fracfact_by_res(len(letters), int(resolution))
    return _signed(factors, -signs * signs[0])  # the first row turned into every factor off


def _letters(factors: Sequence[Factor], design: str) -> str:
    """Return a letter for each factor that varies: A, B, C, ..."""
    varied = sum(factor.full != factor.off for factor in factors)
    if varied > MAX_FRACTION:
        remedy = f"a fraction takes at most {MAX_FRACTION} factors that vary"
        raise ConfigError(f"design {design}: factors", varied, remedy)
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:varied]


def _on_or_off(factors: Sequence[Factor]) -> tuple[Cell, ...]:
    both = ((f.off, f.full) if f.full != f.off else (f.off,) for f in factors)
    return tuple(Cell(doses) for doses in itertools.product(*both))


def _signed(factors: Sequence[Factor], signs: Iterable[Sequence[float]]) -> tuple[Cell, ...]:
    """Return cells from rows of -1 (off) and 1 (on), one sign per factor that varies."""
    found = []
    for row in signs:
        left = iter(row)
        found.append(
            Cell(tuple(f.off if f.full == f.off or next(left) < 0 else f.full for f in factors))
        )
    return _distinct(found)


def _alone(factors: Sequence[Factor], *, shams: bool) -> Iterable[Cell]:
    """Yield the cell with every factor off, then each factor alone at each of its other levels."""
    off = tuple(f.off for f in factors)
    yield Cell(off)
    for i, factor in enumerate(factors):
        for dose in factor.levels[1:]:
            if shams or dose != SHAM:
                yield Cell((*off[:i], dose, *off[i + 1 :]))


def _distinct(found: Iterable[Cell]) -> tuple[Cell, ...]:
    """Drop repeats, which a fixed factor makes, and keep the order."""
    return tuple(dict.fromkeys(found))


def cells(factors: Sequence[Factor], design: str) -> tuple[Cell, ...]:
    """Return the cells of ``design``, in the design's own order.

    Args:
        factors: in the order of a cell's digits.
        design: its name; a fraction's option may follow: ``half_fraction: D = -ABC``.

    Raises:
        ConfigError: the design is unknown, or there are no factors, or two of one name.
    """
    name, _, option = design.partition(": ")
    if name not in DESIGNS:
        raise ConfigError("design", name, f"choose one of {', '.join(sorted(DESIGNS))}")
    if option and name not in OPTIONS:
        raise ConfigError(f"design {name}", option, f"it takes no {' or '.join(OPTIONS.values())}")
    names = [factor.name for factor in factors]
    if not names or len(set(names)) < len(names):
        raise ConfigError("factors", names, "give at least one factor, each name once")
    return DESIGNS[name](factors, option) if option else DESIGNS[name](factors)


def bundles(factors: Sequence[Factor], design: str) -> tuple[tuple[str, ...], ...]:
    """Return the factors that have the same dose in every cell, and so only one effect together."""
    every = cells(factors, design)
    together: dict[tuple[int, ...], list[str]] = {}
    for index, factor in enumerate(factors):
        doses = tuple(cell.doses[index] for cell in every)
        if len(set(doses)) > 1:
            together.setdefault(doses, []).append(factor.name)
    return tuple(tuple(names) for names in together.values() if len(names) > 1)


def schedule(
    factors: Sequence[Factor],
    design: str,
    tasks: Sequence[str],
    runs: int = 8,
    study_seed: int = 0,
) -> list[EpisodePlan]:
    """Return every episode of a study in the order to run them.

    One block holds every task x cell once, for one run; its order is drawn from the seed tree at
    ``(study_seed, "schedule", run)``. Four factors at two levels, 25 tasks and 8 runs make 3,200.

    Raises:
        ConfigError: no tasks, a task twice, fewer than one run, or a bad design.
    """
    if not tasks or len(set(tasks)) < len(tasks):
        raise ConfigError("tasks", list(tasks), "give at least one task, each once")
    if runs < 1:
        raise ConfigError("runs", runs, "give at least one run")
    pairs = [(task, cell.code) for task in tasks for cell in cells(factors, design)]
    plans = []
    for run in range(runs):
        order = stream(study_seed, "schedule", run).permutation(len(pairs))
        for position, pick in enumerate(order):
            task, cell = pairs[int(pick)]
            plans.append(EpisodePlan(task, run, cell, block=run, position=position))
    return plans


def schedule_sha256(plans: Sequence[EpisodePlan]) -> str:
    """Return the hash of the schedule, order included."""
    rows = [
        [plan.task, plan.run, plan.cell, plan.block, plan.position, *filter(None, [plan.after])]
        for plan in plans
    ]
    return hashlib.sha256(canonical_json(rows).encode()).hexdigest()
