"""Faults planted into devices that work: what was planted is known by construction.

Each kind of fault is a function from a device and a draw to edits of it, or None where the device
has no place for it. The cause that the labeller should name stands beside it in ``KINDS``.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.site import Site
from diagnose.env.blocks import (
    AIR,
    HORIZONTAL,
    OPPOSITE,
    STONE,
    Pos,
    moved,
    parse_block,
    props_of,
)
from diagnose.env.circuit import Circuit
from diagnose.env.devices import AREA_SIDE
from diagnose.env.dust import sides_of
from diagnose.env.engine import press
from diagnose.env.repairs import Edits, repaired
from diagnose.seeds import seed_of
from diagnose.tasks import Task

DUST, LAMP = parse_block("redstone_wire"), parse_block("redstone_lamp")
GLASS, SOURCE = parse_block("glass"), parse_block("redstone_block")
BUTTON = parse_block("stone_button[face=floor]")
ACROSS = {"north": "east", "east": "south", "south": "west", "west": "north"}
Plant = Callable[[Site, random.Random], Edits | None]


def one_of[T](draw: random.Random, places: Iterator[T]) -> T | None:
    """Return one of the places by lot."""
    found = sorted(places, key=repr)
    return draw.choice(found) if found else None


def remove_wire(site: Site, draw: random.Random) -> Edits | None:
    """Take one dust out of a straight wire."""
    place = one_of(draw, site.straight())
    return {place[0]: AIR} if place else None


def remove_stub(site: Site, draw: random.Random) -> Edits | None:
    """Take away the last dust before a lamp."""
    place = one_of(draw, site.stubs())
    return {place[0]: AIR} if place else None


def remove_rail(site: Site, draw: random.Random) -> Edits | None:
    """Take three dusts in line out of a straight wire."""
    straight = set(site.straight())
    place = one_of(
        draw,
        (
            (pos, way)
            for pos, way in straight
            if {(moved(pos, way), way), (moved(pos, way, 2), way)} <= straight
        ),
    )
    return {moved(place[0], place[1], k): AIR for k in range(3)} if place else None


def cut_corner(site: Site, draw: random.Random) -> Edits | None:
    """Take away the dust where a wire turns."""

    def corners() -> Iterator[Pos]:
        for pos in site.circuit.cells("redstone_wire"):
            sides = sorted(sides_of(site.blocks, pos))
            ends = {site.name(moved(pos, way)) for way in sides}
            if len(sides) == 2 and sides[0] != OPPOSITE[sides[1]] and ends == {"redstone_wire"}:
                yield pos

    place = one_of(draw, corners())
    return {place: AIR} if place else None


def reverse_repeater(site: Site, draw: random.Random) -> Edits | None:
    """Turn a repeater about."""
    return _faced(site, draw, OPPOSITE)


def turn_repeater(site: Site, draw: random.Random) -> Edits | None:
    """Turn a repeater by a quarter."""
    return _faced(site, draw, ACROSS)


def _faced(site: Site, draw: random.Random, turn: Mapping[str, str]) -> Edits | None:
    pos = one_of(draw, iter(site.circuit.cells("repeater")))
    if pos is None:
        return None
    facing = props_of(site.blocks[pos])["facing"]
    return {pos: site.blocks[pos].replace(f"facing={facing}", f"facing={turn[facing]}")}


def drop_repeater(site: Site, draw: random.Random) -> Edits | None:
    """Put dust in a repeater's place."""
    # Before a comparator it is the delay of a repeater that counts, not its strength.
    repeaters = () if site.circuit.cells("comparator") else site.circuit.cells("repeater")
    pos = one_of(draw, iter(repeaters))
    return {pos: DUST} if pos else None


def change_delay(site: Site, draw: random.Random) -> Edits | None:
    """Set a repeater one longer or one shorter."""
    pos = one_of(draw, iter(site.circuit.cells("repeater")))
    if pos is None:
        return None
    delay = int(props_of(site.blocks[pos])["delay"])
    other = draw.choice([one for one in (delay - 1, delay + 1) if 1 <= one <= 4])
    return {pos: site.blocks[pos].replace(f"delay={delay}", f"delay={other}")}


def insert_repeater(site: Site, draw: random.Random) -> Edits | None:
    """Put a repeater in place of a dust of a straight wire, the way the signal goes."""
    trace = press(site.circuit, AREA_SIDE)
    together = len({lit[0].rise_rt for lit in trace.lamps.values()}) == 1
    place = one_of(draw, (place for place in site.straight() if place[0][1] == 1))
    if place is None or not together:  # in a sequence a shorter setting may make up for it
        return None
    (pos, way), dust = place, trace.dust
    ahead, behind = dust[moved(pos, way)].peak, dust[moved(pos, OPPOSITE[way])].peak
    return {pos: parse_block(f"repeater[facing={way if ahead > behind else OPPOSITE[way]}]")}


def glass_support(site: Site, draw: random.Random) -> Edits | None:
    """Put glass in place of a block under dust."""
    pos = one_of(
        draw,
        (p for p in site.circuit.cells("stone") if site.name(moved(p, "up")) == "redstone_wire"),
    )
    return {pos: GLASS} if pos else None


def block_in_wire(site: Site, draw: random.Random) -> Edits | None:
    """Put a stone in place of a dust of a straight wire."""
    place = one_of(draw, site.straight())
    return {place[0]: STONE} if place else None


def turn_away(site: Site, draw: random.Random) -> Edits | None:
    """Put a dust beside the last dust before a lamp."""
    place = one_of(
        draw,
        (
            beside
            for pos, way in site.stubs()
            for aside in (ACROSS[way], OPPOSITE[ACROSS[way]])
            if site.free(beside := moved(pos, aside)) and site.name(moved(beside, way)) == "air"
        ),
    )
    return {place: DUST} if place else None


def shift_lamp(site: Site, draw: random.Random) -> Edits | None:
    """Move a lamp from before its stub to beside it."""
    place = one_of(
        draw,
        (
            (moved(pos, way), beside)
            for pos, way in site.stubs()
            for aside in (ACROSS[way], OPPOSITE[ACROSS[way]])
            if site.free(beside := moved(pos, aside))
            and not site.touches(beside, moved(pos, way))
            and site.passed(beside)
        ),
    )
    return {place[0]: AIR, place[1]: LAMP} if place else None


def lid_on_slope(site: Site, draw: random.Random) -> Edits | None:
    """Put a stone over the dust at the foot of a slope."""
    place = one_of(
        draw,
        (
            moved(pos, "up")
            for pos in site.circuit.cells("redstone_wire")
            if "up" in sides_of(site.blocks, pos).values() and site.name(moved(pos, "up")) == "air"
        ),
    )
    return {place: STONE} if place else None


def compare(site: Site, draw: random.Random) -> Edits | None:
    """Set a comparator to compare."""
    pos = one_of(draw, iter(site.circuit.cells("comparator")))
    return {pos: site.blocks[pos].replace("mode=subtract", "mode=compare")} if pos else None


def lock_repeater(site: Site, draw: random.Random) -> Edits | None:
    """Lock a repeater by a powered one at its side."""

    def places() -> Iterator[tuple[Pos, str]]:
        for pos in site.circuit.cells("repeater"):
            facing = props_of(site.blocks[pos])["facing"]
            for way in (ACROSS[facing], OPPOSITE[ACROSS[facing]]):
                lock, source = moved(pos, way), moved(pos, way, 2)
                if (
                    site.free(lock)
                    and site.free(source)
                    and site.alone(source, lock)
                    and not any(
                        site.name(moved(source, one)) == "redstone_lamp" for one in HORIZONTAL
                    )
                ):
                    yield pos, way

    place = one_of(draw, places())
    if place is None:
        return None
    pos, way = place
    lock = parse_block(f"repeater[facing={way}]")
    return {moved(pos, way): lock, moved(pos, way, 2): SOURCE}


def remove_lamp(site: Site, draw: random.Random) -> Edits | None:
    """Put stone in a lamp's place."""
    pos = one_of(draw, iter(site.circuit.cells("redstone_lamp")))
    return {pos: STONE} if pos else None


def second_button(site: Site, draw: random.Random) -> Edits | None:
    """Put a second button into an empty corner."""
    place = one_of(draw, _corner(site))
    return {place: BUTTON} if place else None


def light_lamp(site: Site, draw: random.Random) -> Edits | None:
    """Put a block of redstone beside a lamp."""
    place = one_of(
        draw,
        (
            beside
            for pos in site.circuit.cells("redstone_lamp")
            for way in HORIZONTAL
            if site.free(beside := moved(pos, way)) and site.alone(beside, pos)
        ),
    )
    return {place: SOURCE} if place else None


def latch(site: Site, draw: random.Random) -> Edits | None:
    """Lead a wire through two repeaters back into itself."""

    def places() -> Iterator[tuple[Pos, str, str]]:
        for pos in site.circuit.cells("redstone_wire"):
            for way in HORIZONTAL:
                for aside in (ACROSS[way], OPPOSITE[ACROSS[way]]):
                    back = moved(pos, aside)
                    loop = [moved(pos, way), moved(pos, way, 2), moved(back, way, 2)]
                    loop += [moved(back, way), back]
                    inner = [pos, *loop]
                    if all(site.free(one) and site.alone(one, *inner) for one in loop):
                        yield pos, way, aside

    place = one_of(draw, places())
    if place is None:
        return None
    pos, way, aside = place
    back = moved(pos, aside)
    return {
        moved(pos, way): parse_block(f"repeater[facing={OPPOSITE[way]}]"),
        moved(pos, way, 2): DUST,
        moved(back, way, 2): DUST,
        moved(back, way): parse_block(f"repeater[facing={way}]"),
        back: DUST,
    }


def clock(site: Site, draw: random.Random) -> Edits | None:
    """Let two observers watch each other in an empty corner."""
    place = one_of(draw, (p for p in _corner(site) if site.free(moved(p, "east"))))
    if place is None:
        return None
    ends = (parse_block("observer[facing=east]"), parse_block("observer[facing=west]"))
    return {place: ends[0], moved(place, "east"): ends[1]}


def move_out(site: Site, draw: random.Random) -> Edits | None:
    """Move a lamp one further out and its wire with it."""
    place = one_of(
        draw,
        (
            (moved(pos, way), moved(pos, way, 2))
            for pos, way in site.stubs()
            if site.free(moved(pos, way, 2))
            and site.alone(moved(pos, way), pos)
            and site.alone(moved(pos, way, 2), moved(pos, way))
            and not site.touches(moved(pos, way, 2), moved(pos, way))
        ),
    )
    return {place[0]: DUST, place[1]: LAMP} if place else None


def _corner(site: Site) -> Iterator[Pos]:
    """Yield empty cells with nothing near."""
    near = {
        (x + dx, z + dz)
        for x, _, z in site.blocks
        for dx in (-2, -1, 0, 1, 2)
        for dz in (-2, -1, 0, 1, 2)
    }
    for x in range(1, 31):
        for z in (1, 31):
            if not {(x, z), (x + 1, z)} & near:
                yield (x, 1, z)


@dataclass(frozen=True)
class Kind:
    """A kind of planted fault and the cause that it is."""

    plant: Plant
    cause: str
    only_dark: bool = False  # kept only where lamps stay dark and those that light go out


KINDS = (
    Kind(remove_wire, "gap_in_wire"),
    Kind(remove_stub, "no_wire_to_lamp"),
    Kind(remove_rail, "missing_rail"),
    Kind(cut_corner, "diagonal_gap"),
    Kind(shift_lamp, "dust_passes_lamp"),
    Kind(turn_away, "dust_turned_away", only_dark=True),
    Kind(glass_support, "non_conductor"),
    Kind(block_in_wire, "weak_power"),
    Kind(lid_on_slope, "slope_cut"),
    Kind(drop_repeater, "signal_died", only_dark=True),
    Kind(reverse_repeater, "repeater_backwards"),
    Kind(turn_repeater, "repeater_sideways"),
    Kind(lock_repeater, "repeater_locked"),
    Kind(change_delay, "repeater_delay_wrong"),
    Kind(insert_repeater, "out_of_step"),
    Kind(compare, "comparator_mode"),
    Kind(light_lamp, "lit_before_press"),
    Kind(latch, "never_dark"),
    Kind(clock, "never_settles"),
    Kind(remove_lamp, "lamp_count"),
    Kind(second_button, "button_count"),
    Kind(move_out, "lamps_misplaced"),
)


def planted(kind: Kind, task: Task, device: Circuit, seed: int) -> Circuit | None:
    """Return the device with one fault of a kind; None where there is no place for it."""
    draw = random.Random(seed_of(seed, task.id, kind.plant.__name__))
    edits = kind.plant(Site(device), draw)
    return repaired(device, edits, task.area_side) if edits else None
