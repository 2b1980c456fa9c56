"""Further rigs on wires, blocks and sources: no task needs these laws, but subjects ask."""

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
)
from diagnose.env.readings import lit_and_dark, rise_per
from diagnose.env.rigs import lamp_behind, repeater

GLASS, TARGET, SOURCE = "glass", "target", "redstone_block"


def _slope_cut() -> Experiment:
    slope = [*line(1), ((2, 1, 0), STONE), ((2, 2, 0), DUST), ((3, 2, 0), LAMP)]
    arms = {
        cover: rig(f"{cover} over the lower dust", [*slope, *over])
        for cover, over in (
            ("nothing", []),
            ("glass", [((1, 2, 0), GLASS)]),
            ("stone", [((1, 2, 0), STONE)]),
        )
    }
    return Experiment(
        "slope_cut",
        "Does a block over a slope cut the wire?",
        "what stands over the lower dust of a slope",
        tuple(arms.values()),
        lit_and_dark((arms["nothing"].label, arms["glass"].label), (arms["stone"].label,)),
    )


def _glass_insulation() -> Experiment:
    stone, glass = (
        rig(f"{name} between dust and lamp", [*line(1), ((2, 1, 0), block), ((3, 1, 0), LAMP)])
        for name, block in (("stone", STONE), ("glass", GLASS))
    )
    return Experiment(
        "glass_insulation",
        "Does glass conduct power?",
        "the block between dust and lamp",
        (stone, glass),
        lit_and_dark((stone.label,), (glass.label,)),
    )


def _strong_power() -> Experiment:
    def behind(first: tuple[Cell, str]) -> list[tuple[Cell, str]]:
        return [*line(1), first, ((3, 1, 0), STONE), *line(1, 4), ((5, 1, 0), LAMP)]

    weak = rig("block powered by dust, dust behind the block", behind(((2, 1, 0), DUST)))
    strong = rig(
        "block powered by a repeater, dust behind the block", behind(repeater(2, 0, "west"))
    )
    return Experiment(
        "strong_power",
        "Does a powered block power the dust behind it?",
        "what powers the block",
        (weak, strong),
        lit_and_dark((strong.label,), (weak.label,)),
    )


def _strength_loss() -> Experiment:
    # A comparator passes the strength it reads on; the wire behind it then spells it out in dusts.
    def read(dusts: int, behind: int) -> Arm:
        comparator = ((dusts + 1, 1, 0), "comparator[facing=west]")
        lamp = ((dusts + behind + 2, 1, 0), LAMP)
        return rig(
            f"read after {dusts} dusts, lamp {behind} dusts behind the reader",
            [*line(dusts), comparator, *line(behind, dusts + 2), lamp],
        )

    amounts = {near: (read(near, 16 - near), read(near, 17 - near)) for near in (3, 5, 8)}
    arms = tuple(arm for pair in amounts.values() for arm in pair)

    def infer(results: Mapping[str, Outcome]) -> int | None:
        strengths = {}
        for dusts, (reached, beyond) in amounts.items():
            if not results.get(reached.label) or results.get(beyond.label, True):
                return None
            strengths[dusts] = int(reached.label.split(", lamp ")[1].split()[0])
        losses = {(strengths[3] - strengths[far]) / (far - 3) for far in (5, 8)}
        return round(losses.pop()) if len(losses) == 1 else None

    return Experiment(
        "strength_loss",
        "How much strength does each dust take?",
        "dusts before a comparator that reads the strength, and dusts behind it",
        arms,
        infer,
    )


def _dust_speed() -> Experiment:
    counts = (1, 8, 15)
    arms = tuple(map(lamp_behind, counts))
    return Experiment(
        "dust_speed",
        "How much time does a signal take along dust?",
        "dusts between button and lamp",
        arms,
        rise_per(*(arm.label for arm in arms), counts=counts),
        lamp_behind,
        range(1, 21),
    )


def _target_redirect() -> Experiment:
    stone, target = (
        rig(
            f"{name} between the middle of a wire and the lamp",
            [*line(4), ((2, 1, 1), block), ((2, 1, 2), LAMP)],
        )
        for name, block in (("stone", STONE), ("target", TARGET))
    )
    return Experiment(
        "target_redirect",
        "Does dust turn towards a target block?",
        "the block beside the wire",
        (stone, target),
        lit_and_dark((target.label,), (stone.label,)),
    )


def _constant_source() -> Experiment:
    stone, source = (
        rig(f"lamp beside {name}, apart from the button", [((3, 1, 0), block), ((4, 1, 0), LAMP)])
        for name, block in (("stone", STONE), ("a block of redstone", SOURCE))
    )

    def infer(results: Mapping[str, Outcome]) -> int | None:
        return (
            1
            if (results.get(stone.label), results.get(source.label)) == ((), ((0, None),))
            else None
        )

    return Experiment(
        "constant_source",
        "Does a block of redstone give power all the time?",
        "the block beside the lamp",
        (stone, source),
        infer,
    )


def _button_attachment() -> Experiment:
    beside = rig(
        "wall button, lamp behind a block it stands next to",
        [((1, 1, 0), STONE), ((0, 1, 1), STONE), ((0, 1, 2), LAMP)],
        ((0, 1, 0), "stone_button[face=wall,facing=west]"),
    )
    wall = rig(
        "wall button, lamp behind the block it hangs on",
        [((1, 1, 0), STONE), ((2, 1, 0), LAMP)],
        ((0, 1, 0), "stone_button[face=wall,facing=west]"),
    )
    floor = rig(
        "floor button, lamp beside the block it stands on",
        [((0, 1, 0), STONE), ((1, 1, 0), LAMP)],
        ((0, 2, 0), "stone_button[face=floor,facing=north]"),
    )
    ceiling = rig(
        "ceiling button, lamp beside the block it hangs from",
        [((0, 2, 0), STONE), ((1, 2, 0), LAMP)],
        ((0, 1, 0), "stone_button[face=ceiling,facing=north]"),
    )
    return Experiment(
        "button_attachment",
        "Which block does a button power?",
        "where the button is attached, and whether the lamp's block carries it",
        (beside, wall, floor, ceiling),
        lit_and_dark((wall.label, floor.label, ceiling.label), (beside.label,)),
    )


EXPERIMENTS: tuple[Experiment, ...] = (
    _slope_cut(),
    _glass_insulation(),
    _strong_power(),
    _strength_loss(),
    _dust_speed(),
    _target_redirect(),
    _constant_source(),
    _button_attachment(),
)
