"""The rigs: one controlled experiment for each law that a task may need."""

from collections.abc import Mapping

from diagnose.env.experiments import (
    DUST,
    LAMP,
    STONE,
    Arm,
    Cell,
    Experiment,
    Outcome,
    line,
    rig,
    wire,
)
from diagnose.env.readings import last_lit, lit_and_dark


def repeater(x: int, z: int, facing: str, delay: int = 1) -> tuple[Cell, str]:
    """Return a repeater entry."""
    return ((x, 1, z), f"repeater[facing={facing},delay={delay}]")


def lamp_behind(dusts: int) -> Arm:
    """Return an arm with a straight wire from the button to the lamp."""
    blocks = [*line(dusts), ((dusts + 1, 1, 0), LAMP)]
    return rig(f"{dusts} dusts between button and lamp", blocks)


def _dust_axes() -> Experiment:
    straight, diagonal = "0 diagonal steps in the wire", "1 diagonal step in the wire"
    return Experiment(
        "dust_axes",
        "Do neighbouring dusts join across a corner?",
        "diagonal steps in a wire of four dusts",
        (
            rig(straight, [*line(4), ((5, 1, 0), LAMP)]),
            rig(diagonal, [*wire((1, 0), (2, 0), (3, 1), (4, 1)), ((5, 1, 1), LAMP)]),
        ),
        lit_and_dark((straight,), (diagonal,)),
    )


def _dust_pointing() -> Experiment:
    front, beside, under = (
        "lamp in front of the wire's end",
        "lamp beside the middle of the wire",
        "lamp under the wire",
    )
    raised = [((x, 1, 0), STONE if x != 3 else LAMP) for x in range(2, 5)]
    return Experiment(
        "dust_pointing",
        "Which lamps around a wire does it light?",
        "place of the lamp",
        (
            rig(front, [*line(3), ((4, 1, 0), LAMP)]),
            rig(beside, [*line(3), ((2, 1, 1), LAMP)]),
            rig(under, [*line(1), *raised, *wire((2, 0), (3, 0), (4, 0), y=2)]),
        ),
        lit_and_dark((front, under), (beside,)),
    )


def _block_power() -> Experiment:
    beside, apart = "lamp beside the block under the dust", "lamp two cells from that block"
    base = [*line(1), ((2, 1, 0), STONE), ((2, 2, 0), DUST)]
    return Experiment(
        "block_power",
        "Does a block under powered dust light a lamp?",
        "distance of the lamp from the block",
        (
            rig(apart, [*base, ((2, 1, 2), LAMP)]),
            rig(beside, [*base, ((2, 1, 1), LAMP)]),
        ),
        lit_and_dark((beside,), (apart,)),
    )


def _dust_climb() -> Experiment:
    def stepped(step: int) -> Arm:
        tower = [((2, y, 0), STONE) for y in range(1, step + 1)]
        top = [((2, step + 1, 0), DUST), ((3, step + 1, 0), LAMP)]
        return rig(f"{step} blocks of step between the dusts", [*line(1), *tower, *top])

    return Experiment(
        "dust_climb",
        "How high a step does dust climb?",
        "height of the step",
        tuple(map(stepped, range(3))),
        last_lit("blocks of step"),
        stepped,
        range(4),
    )


def _attenuation() -> Experiment:
    return Experiment(
        "attenuation",
        "At what distance along dust does a signal die?",
        "dusts between button and lamp",
        tuple(map(lamp_behind, (4, 14, 15, 16, 17))),
        last_lit("dusts between"),
        lamp_behind,
        range(1, 21),
    )


def _repeater_direction() -> Experiment:
    arms = {
        word: rig(
            f"repeater facing {word}",
            [*line(1), repeater(2, 0, facing), *line(1, 3), ((4, 1, 0), LAMP)],
        )
        for word, facing in (("back to the button", "west"), ("on to the lamp", "east"))
    }
    back, on = arms["back to the button"], arms["on to the lamp"]
    return Experiment(
        "repeater_direction",
        "Which way does a repeater pass the signal?",
        "facing of the repeater",
        (back, on),
        lit_and_dark((back.label,), (on.label,)),
    )


def _repeater_delay() -> Experiment:
    def blocks(delay: int) -> list[tuple[Cell, str]]:
        middle = repeater(2, 0, "west", delay) if delay else ((2, 1, 0), DUST)
        return [*line(1), middle, *line(1, 3), ((4, 1, 0), LAMP)]

    labels = ["no repeater", *(f"repeater at delay {delay}" for delay in range(1, 5))]

    def infer(results: Mapping[str, Outcome]) -> int | None:
        if not all(results.get(label) for label in labels):
            return None
        start = results[labels[0]][0][0]
        gained = [results[label][0][0] - start for label in labels[1:]]
        return len(gained) if gained == [1, 2, 3, 4] else None

    return Experiment(
        "repeater_delay",
        "How long does a repeater hold the signal back?",
        "delay setting of the repeater",
        tuple(rig(label, blocks(delay)) for delay, label in enumerate(labels)),
        infer,
    )


LIT_BY, HELD_BY = "lamp lit by the button", "lamp that the button switches off through a torch"


def button_rigs() -> tuple[Arm, Arm]:
    """Return a lamp lit by the button, and one that the button switches off."""
    inverter = [
        *line(1),
        ((2, 1, 0), STONE),
        ((3, 1, 0), "redstone_wall_torch[facing=east]"),
        ((4, 1, 0), LAMP),
    ]
    return rig(LIT_BY, [*line(1), ((2, 1, 0), LAMP)]), rig(HELD_BY, inverter)


def lit_and_dark_times(results: Mapping[str, Outcome]) -> tuple[float, float, float] | None:
    """Return (glow, start of darkness, end of darkness) of the button rigs, in rt.

    With pulse P, lamp lag L and torch delay T the two lamps show P + L, T + L and P + T: three
    equations, so neither P nor L needs the other to be known.
    """
    lit, held = results.get(LIT_BY), results.get(HELD_BY)
    if not lit or not held or len(held) != 2 or lit[0][1] is None or held[0][1] is None:
        return None
    return lit[0][1] - lit[0][0], held[0][1], held[1][0]


def _pulse_length() -> Experiment:
    def infer(results: Mapping[str, Outcome]) -> int | None:
        times = lit_and_dark_times(results)
        return None if times is None else round((times[0] + times[2] - times[1]) / 2)

    return Experiment(
        "pulse_length",
        "How long does a stone button stay pressed?",
        "whether the button lights the lamp or takes its power away",
        button_rigs(),
        infer,
    )


def _lamp_lag() -> Experiment:
    def infer(results: Mapping[str, Outcome]) -> int | None:
        times = lit_and_dark_times(results)
        return None if times is None else round((times[0] + times[1] - times[2]) / 2)

    return Experiment(
        "lamp_lag",
        "How long does a lamp glow on after its power is gone?",
        "whether the button lights the lamp or takes its power away",
        button_rigs(),
        infer,
    )


def _comparator_subtraction() -> Experiment:
    def blocks(mode: str, *, side: bool) -> list[tuple[Cell, str]]:
        detour = [*wire((1, 1), (1, 2), (2, 2), (3, 2)), repeater(3, 1, "south")] if side else []
        comparator = ((3, 1, 0), f"comparator[facing=west,mode={mode}]")
        rear = [*line(1), repeater(2, 0, "west"), comparator, *line(1, 4), ((5, 1, 0), LAMP)]
        return [*rear, *detour]

    alone = rig("subtract mode, no side input", blocks("subtract", side=False))
    less = rig("subtract mode, side as strong as rear", blocks("subtract", side=True))
    compare = rig("compare mode, side as strong as rear", blocks("compare", side=True))
    return Experiment(
        "comparator_subtraction",
        "What does the side input of a comparator do?",
        "mode and side input of the comparator",
        (alone, less, compare),
        lit_and_dark((alone.label, compare.label), (less.label,)),
    )


EXPERIMENTS: tuple[Experiment, ...] = (
    _dust_axes(),
    _dust_pointing(),
    _block_power(),
    _dust_climb(),
    _attenuation(),
    _repeater_direction(),
    _repeater_delay(),
    _pulse_length(),
    _lamp_lag(),
    _comparator_subtraction(),
)
