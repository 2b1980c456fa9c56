"""Family D, distance-equalised ignition: N/4 lamps at each of four distances, one common tick."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from diagnose.env.blocks import Pos
from diagnose.env.circuit import Circuit
from diagnose.env.timing import Expected
from diagnose.env.trace import Trace, Window
from diagnose.errors import InputError
from diagnose.laws import Laws
from diagnose.tasks.base import Task, cell, common_rise, lit_once, manhattan
from diagnose.tasks.layout import DUST, LAMP, STONE, Canvas, Step, wire_range

PUBLISHED_DISTANCES = (4, 8, 12, 16)
ROW_PITCH = 3  # rows reach one cell to each side, so that together they cover every cell
GLASS = "minecraft:glass"


class Distance:
    """Exactly N/4 lamps at each distance, all rising at the same tick."""

    letter = "D"
    title = "distance-equalised ignition"

    def params(self, lamps: int) -> dict[str, Any]:
        """See ``Family.params``: past L5 the distances grow by N / 64."""
        scale = max(lamps, 64)
        return {"distances": [distance * scale // 64 for distance in PUBLISHED_DISTANCES]}

    def text(self, task: Task) -> str:
        """See ``Family.text``."""
        distances = task.params["distances"]
        each = task.lamps // len(distances)
        return (
            f"Build a device with exactly {task.lamps} redstone lamps and one stone button. "
            f"Exactly {each} of the lamps must be at each of the distances "
            f"{', '.join(map(str, distances))} from the button (|dx| + |dz|, heights do not "
            f"count). After one press all {task.lamps} lamps must light up at the same redstone "
            "tick."
        )

    def last_fall_rt(self, task: Task) -> int:
        """See ``Family.last_fall_rt``."""
        return 60

    def expected(self, task: Task) -> Expected:
        """See ``Family.expected``."""
        return Expected(task.lamps, skew_rt=0, distances=tuple(task.params["distances"]))

    def reasons(self, task: Task, circuit: Circuit, trace: Trace) -> list[str]:
        """See ``Family.reasons``."""
        found: list[str] = []
        times = lit_once(trace)
        distances = task.params["distances"]
        each = task.lamps // len(distances)
        at = [manhattan(pos, circuit.press) for pos in times]
        found += [
            f"{at.count(distance)} lamps at distance {distance}, not {each}"
            for distance in distances
            if at.count(distance) != each
        ]
        first = min(times, key=lambda pos: times[pos][0])
        last = max(times, key=lambda pos: times[pos][0])
        if times[first][0] != times[last][0]:
            found.append(
                f"lamps do not light at one tick: {cell(first)} at {times[first][0]:g} rt, "
                f"{cell(last)} at {times[last][0]:g} rt"
            )
        return found

    def windows(self, task: Task, trace: Trace) -> dict[Pos, Window]:
        """See ``Family.windows``: one tick for all."""
        tick = common_rise(trace)
        return dict.fromkeys(trace.lamps, Window((tick, tick)))

    def build(self, task: Task, laws: Laws) -> Circuit:
        """See ``Family.build``: a canopy; beyond the range of dust one of two storeys."""
        canvas = Canvas(laws)
        distances = sorted(map(int, task.params["distances"]))
        each = task.lamps // len(distances)
        half = (task.area_side - 1) // 2
        reach = wire_range(laws)
        # Dust climbs one block from cell to cell; who does not know goes straight up to height 3.
        height = 2 if "dust_climb" in laws else 3
        near = [distance for distance in distances if distance <= reach + 1]
        far = distances[len(near) :]
        if not far:
            canvas.press_here(0, 0)
            _lay(
                canvas, Storey(range(2, reach + 1), floor_until=2, height=height), near, each, half
            )
        else:
            lower = _lower_storey(near, far, reach, height)
            wait = {1: len(lower.repeaters)}
            upper = Storey(range(2, reach + 2), floor_until=0, height=3, repeaters=wait)
            for y, block in ((1, STONE), (2, DUST), (3, STONE)):
                canvas.put(0, 0, block, y)
            canvas.press_here(0, 0, 4)
            _lay(canvas, upper, near, each, half)
            _lay(canvas, lower, far, each, half)
        return canvas.circuit(task.area_side)


@dataclass(frozen=True)
class Storey:
    """One network of dust: a trunk along z through the button, rows along x every third cell.

    Everything about a cell follows from its path distance from the button, which is its Manhattan
    distance: all lamps at one distance lie behind the same repeaters.
    """

    hosts: range  # distances at which its dust may power a lamp
    floor_until: int  # nearer cells lie on the floor, the others on blocks
    height: int  # of the dust on blocks
    repeaters: Mapping[int, int] = field(default_factory=dict)  # distance -> delay in rt


@dataclass(frozen=True)
class Spot:
    """A place for a lamp: its cell, and the cell of the network that powers it."""

    lamp: Step
    host: Step

    @property
    def beside(self) -> bool:
        """Whether the lamp stands beside its host's block and not under its dust."""
        return self.lamp != self.host


def _lower_storey(near: Sequence[int], far: Sequence[int], reach: int, height: int) -> Storey:
    """Plan the storey for distances beyond the range of dust: its repeaters come before them.

    Raises:
        InputError: the far distances lie further apart than one run of dust.
    """
    climb = max(near, default=0) + 3  # clear of the lamps of the upper storey
    free = [d for d in range(2, far[0] - 1) if d % ROW_PITCH and d not in (climb, climb - 1)]
    repeaters: list[int] = []
    alive = reach  # the last distance with power (the dust under the button's block is at 0)
    while alive < far[-1] + 1:
        late = [d for d in free if d <= alive and d not in repeaters]
        if not late:
            raise InputError("distances", [*near, *far], "no device for these is known")
        repeaters.append(late[-1])
        alive = late[-1] + reach
    return Storey(range(repeaters[-1] + 1, alive + 1), climb, height, dict.fromkeys(repeaters, 1))


def _way(host: Step) -> list[Step]:
    """Return the cells from the button to ``host``: along the trunk, then along a row."""
    x, z = host
    sz, sx = (1 if z > 0 else -1), (1 if x > 0 else -1)
    return [(0, sz * i) for i in range(1, abs(z) + 1)] + [(sx * i, z) for i in range(1, abs(x) + 1)]


def _spots(distance: int, half: int) -> Iterator[Spot]:
    """Yield every place for a lamp at ``distance`` that a storey can serve, inside the area."""
    for x in range(-min(distance, half), min(distance, half) + 1):
        for sign in (1, -1) if abs(x) < distance else (1,):
            z = sign * (distance - abs(x))
            if abs(z) > half:
                continue
            if x == 0 or z % ROW_PITCH == 0:
                yield Spot((x, z), (x, z))
                continue
            host_z = z - 1 if z % ROW_PITCH == 1 else z + 1
            if abs(host_z) <= half:
                yield Spot((x, z), (x, host_z))
            if abs(x) == 1:
                yield Spot((x, z), (0, z))


def _lay(canvas: Canvas, storey: Storey, distances: Sequence[int], each: int, half: int) -> None:
    """Lay a storey: lamps hang under its dust and beside the blocks that carry the dust.

    Distances are served from the outermost inwards, each lamp where it needs the least new dust.
    Whoever knows no range takes the simplest place, under the wire, however far out.

    Raises:
        InputError: the distances have no room for that many lamps.
    """
    ignorant = "attenuation" not in canvas.laws
    laid: set[Step] = set()
    taken: dict[Step, Spot] = {}
    for distance in sorted(distances, reverse=True):
        spots = [
            s for s in _spots(distance, half) if abs(s.host[0]) + abs(s.host[1]) in storey.hosts
        ]
        ways = {spot: set(_way(spot.host)) for spot in spots}
        for _ in range(each):
            hosts = {spot.host for spot in taken.values() if spot.beside}
            free = [
                spot
                for spot in spots
                if spot.lamp not in taken
                and not (spot.beside and spot.host in taken)
                and spot.lamp not in hosts
            ]
            if not free:
                raise InputError("lamps", 4 * each, f"no room at distance {distance}")
            best = min(
                free,
                key=lambda spot: (
                    ignorant and spot.beside,
                    len(ways[spot] - laid),
                    spot.beside,
                    abs(spot.lamp[1]),
                    spot.lamp,
                ),
            )
            taken[best.lamp] = best
            laid |= ways[best]
    _raise_storey(canvas, storey, laid, taken)


def _passed(under: Step, laid: set[Step]) -> Step:
    """Return a cell that the wire over ``under`` passes by; where wires cross, one in the angle."""
    x, z = under
    around = [(x, z + 1), (x, z - 1), (x + 1, z), (x - 1, z), (x + 1, z + 1)]
    return next(cell for cell in around if cell not in laid)


def _raise_storey(
    canvas: Canvas, storey: Storey, laid: set[Step], taken: Mapping[Step, Spot]
) -> None:
    laws, height = canvas.laws, storey.height
    for spot in taken.values():
        x, z = spot.lamp
        if spot.beside:
            canvas.put(x, z, LAMP, height - 1 if "block_power" in laws else height)
        elif "dust_pointing" in laws:
            canvas.put(x, z, LAMP, height - 1)
        else:
            canvas.put(*_passed(spot.lamp, laid), LAMP, height)
    for x, z in sorted(laid):
        distance = abs(x) + abs(z)
        on_floor = distance < storey.floor_until
        y = 1 if on_floor else height
        if not on_floor and (x, y - 1, z) not in canvas.blocks:
            # Glass lets the lower storey's dust pass below it; a stone would cut its slope.
            canvas.put(x, z, GLASS if distance == 1 else STONE, y - 1)
        if distance in storey.repeaters:
            along = (1 if x > 0 else -1, 0) if x else (0, 1 if z > 0 else -1)
            canvas.repeater(x, z, along, storey.repeaters[distance], y)
        elif x == 0 and (0, z + (1 if z > 0 else -1)) not in laid and {(1, z), (-1, z)} & laid:
            canvas.corner(x, z, y)
        else:
            canvas.put(x, z, DUST, y)
