"""Further rigs on torches, repeaters, comparators, observers and lamps; no task needs them."""

from collections.abc import Mapping

from diagnose.env.experiments import DUST, LAMP, STONE, Arm, Cell, Experiment, Outcome, line, rig
from diagnose.env.readings import last_lit, lit_and_dark, rise_per
from diagnose.env.rigs import (
    HELD_BY,
    LIT_BY,
    button_rigs,
    lit_and_dark_times,
    repeater,
)

SOURCE = "redstone_block"


def _torch_inversion() -> Experiment:
    def infer(results: Mapping[str, Outcome]) -> int | None:
        direct, inverted = results.get(LIT_BY), results.get(HELD_BY)
        if not direct or not inverted:
            return None
        # Dark at rest and lit by the press, against lit at rest and dark while it lasts.
        at_rest = direct[-1][1] is None, inverted[0][0] == 0 and inverted[-1][1] is None
        return 1 if at_rest == (False, True) and len(inverted) == len(direct) + 1 else None

    return Experiment(
        "torch_inversion",
        "What does a torch do when the block that holds it is powered?",
        "whether the button acts on the lamp directly or through a torch",
        button_rigs(),
        infer,
    )


def _chain(
    name: str, counts: tuple[int, ...], link: tuple[tuple[int, str], ...]
) -> tuple[Arm, ...]:
    """Return wires with ``link`` (cells along x, then one dust) built in so many times."""
    arms = []
    for count in counts:
        blocks, x = [*line(1)], 2
        for _ in range(count):
            blocks += [((x + dx, 1, 0), block) for dx, block in link]
            x += len(link)
        blocks.append(((x, 1, 0), LAMP))
        arms.append(rig(f"{count} {name} between button and lamp", blocks))
    return tuple(arms)


def _torch_delay() -> Experiment:
    counts = (0, 2, 4)  # an even number, so that the lamp is dark at rest
    inverter = ((0, STONE), (1, "redstone_wall_torch[facing=east]"), (2, DUST))
    arms = _chain("torches in a row", counts, inverter)
    return Experiment(
        "torch_delay",
        "How long does a torch take to switch?",
        "torches in a row, each switching the next",
        arms,
        rise_per(*(arm.label for arm in arms), counts=counts),
    )


def _comparator_delay() -> Experiment:
    counts = (0, 1, 2, 3)
    arms = _chain("comparators", counts, ((0, "comparator[facing=west]"), (1, DUST)))
    return Experiment(
        "comparator_delay",
        "How long does a comparator take?",
        "comparators between button and lamp",
        arms,
        rise_per(*(arm.label for arm in arms), counts=counts),
    )


def _comparator_strengths() -> Experiment:
    """The side is fed at rest, so that no race between the inputs blurs what is read."""

    def arm(mode: str, rear: int, side: int, behind: int) -> Arm:
        weaken = line(15 - rear + 1, 3) if rear < 15 else []
        x = 3 + len(weaken)
        blocks = [*line(1), repeater(2, 0, "west"), *weaken]
        blocks.append(((x, 1, 0), f"comparator[facing=west,mode={mode}]"))
        steps = 15 - side + 1 if side else 0  # the dust at the comparator carries ``side``
        blocks += [((x, 1, z), DUST) for z in range(1, steps + 1)]
        blocks += [((x, 1, steps + 1), SOURCE)] if side else []
        blocks += [*line(behind, x + 1), ((x + behind + 1, 1, 0), LAMP)]
        return rig(f"{mode} mode, rear {rear}, side {side}, lamp {behind} dusts behind", blocks)

    alone = arm("subtract", 15, 0, 6)
    left = {
        side: (arm("subtract", 15, side, 15 - side), arm("subtract", 15, side, 16 - side))
        for side in (9, 12)
    }
    passed, stopped = arm("compare", 15, 9, 15), arm("compare", 12, 14, 1)
    reached = tuple(pair[0].label for pair in left.values())
    beyond = tuple(pair[1].label for pair in left.values())
    return Experiment(
        "comparator_strengths",
        "What strength leaves a comparator whose inputs differ?",
        "mode of the comparator, strengths of its rear and side inputs, dusts behind it",
        (alone, *(one for pair in left.values() for one in pair), passed, stopped),
        lit_and_dark((alone.label, *reached, passed.label), (*beyond, stopped.label)),
    )


def _repeater_lock() -> Experiment:
    main = [*line(1), repeater(2, 0, "west"), *line(1, 3), ((4, 1, 0), LAMP)]
    source = ((2, 1, 2), SOURCE)
    free = rig("nothing at the repeater's side", main)
    dust = rig("powered dust at the repeater's side", [*main, ((2, 1, 1), DUST), source])
    locked = rig(
        "powered repeater into the repeater's side", [*main, repeater(2, 1, "south"), source]
    )
    return Experiment(
        "repeater_lock",
        "What does a signal into a repeater's side do?",
        "what powers the repeater's side",
        (free, dust, locked),
        lit_and_dark((free.label, dust.label), (locked.label,)),
    )


def _repeater_renewal() -> Experiment:
    def wired(middle: tuple[Cell, str], behind: int) -> list[tuple[Cell, str]]:
        return [*line(3), middle, *line(behind, 5), ((5 + behind, 1, 0), LAMP)]

    label = "15 dusts behind one dust more in place of a repeater"
    plain = rig(label.replace("dusts behind", "dusts, with"), wired(((4, 1, 0), DUST), 15))
    renewed = tuple(
        rig(f"{n} dusts behind a repeater", wired(repeater(4, 0, "west"), n)) for n in (15, 16)
    )
    edge = last_lit("dusts behind a repeater")

    def infer(results: Mapping[str, Outcome]) -> int | None:
        return edge(results) if results.get(plain.label) == () else None

    return Experiment(
        "repeater_renewal",
        "How far does a signal reach behind a repeater?",
        "whether a repeater stands in the wire, and the dusts behind it",
        (plain, *renewed),
        infer,
    )


def _observer_pulse() -> Experiment:
    def seen(block: str) -> list[tuple[Cell, str]]:
        return [((1, 1, 0), block), ((2, 1, 0), "observer[facing=west]"), ((3, 1, 0), LAMP)]

    blank = rig("lamp behind an observer that looks at stone", seen(STONE))
    watching = rig("lamp behind an observer that looks at dust beside the button", seen(DUST))

    def infer(results: Mapping[str, Outcome]) -> int | None:
        """Return the pulse in rt: the glow behind the observer less the lamp's own lag."""
        times, pulses = lit_and_dark_times(results), results.get(watching.label)
        if times is None or not pulses or results.get(blank.label) != ():
            return None
        lag = (times[0] + times[1] - times[2]) / 2
        glows = {fall - rise for rise, fall in pulses if fall is not None}
        return round(glows.pop() - lag) if len(glows) == 1 and len(pulses) == 2 else None

    return Experiment(
        "observer_pulse",
        "What does an observer give when what it watches changes?",
        "what the observer looks at",
        (blank, watching, *button_rigs()),
        infer,
    )


def _lamp_rise() -> Experiment:
    def delayed(repeaters: int) -> Arm:
        parts = [repeater(2 + 2 * n, 0, "west") for n in range(repeaters)]
        dusts = [((3 + 2 * n, 1, 0), DUST) for n in range(repeaters)]
        lamp = ((2 + 2 * repeaters, 1, 0), LAMP)
        return rig(
            f"{repeaters} repeaters between button and lamp", [*line(1), *parts, *dusts, lamp]
        )

    arms = tuple(map(delayed, range(3)))

    def infer(results: Mapping[str, Outcome]) -> int | None:
        if not all(results.get(arm.label) for arm in arms):
            return None
        none, one, two = (results[arm.label][0][0] for arm in arms)
        # Each repeater adds the same; what is left without any is the lamp's own.
        return round(none) if one > none == 2 * one - two else None

    return Experiment(
        "lamp_rise",
        "How long does a lamp take to light?",
        "repeaters between button and lamp",
        arms,
        infer,
    )


EXPERIMENTS: tuple[Experiment, ...] = (
    _torch_inversion(),
    _torch_delay(),
    _comparator_delay(),
    _comparator_strengths(),
    _repeater_lock(),
    _repeater_renewal(),
    _observer_pulse(),
    _lamp_rise(),
)
