"""What the builders of all families share: a canvas, wires, rows of lamps, and ignorance.

The builders plan in free coordinates around the origin at height 1; ``Canvas.circuit`` centres the
plan in the area. Every helper asks the given ``Laws`` before it uses a mechanism and otherwise does
what somebody ignorant of that law would do; the simulator decides what comes of it.
"""

from collections.abc import Iterable, Sequence

from diagnose.env.circuit import Circuit, Pos
from diagnose.errors import InputError
from diagnose.laws import Laws

DUST = "minecraft:redstone_wire"
LAMP = "minecraft:redstone_lamp"
STONE = "minecraft:stone"
BUTTON = "minecraft:stone_button[face=floor,facing=north]"

Step = tuple[int, int]
EAST, WEST, SOUTH, NORTH = (1, 0), (-1, 0), (0, 1), (0, -1)
NAMES = {EAST: "east", WEST: "west", SOUTH: "south", NORTH: "north"}


def opposite(step: Step) -> Step:
    """Return the reversed step."""
    return (-step[0], -step[1])


class Canvas:
    """A plan of blocks; a cell planned twice with different blocks is a mistake of the builder."""

    def __init__(self, laws: Laws) -> None:
        self.laws = laws
        self.blocks: dict[Pos, str] = {}
        self.button: Pos | None = None

    def put(self, x: int, z: int, block: str, y: int = 1) -> None:
        """Plan ``block`` at (x, y, z).

        Raises:
            ValueError: the cell already holds another block.
        """
        held = self.blocks.setdefault((x, y, z), block)
        if held != block:
            raise ValueError(f"cell {(x, y, z)} holds {held}, cannot hold {block}")

    def dust(self, cells: Iterable[Step], y: int = 1) -> None:
        """Plan dust on (x, z) cells."""
        for x, z in cells:
            self.put(x, z, DUST, y)

    def press_here(self, x: int, z: int, y: int = 1) -> None:
        """Plan the button on top of the block below (x, y, z)."""
        self.put(x, z, BUTTON, y)
        self.button = (x, y, z)

    def repeater(self, x: int, z: int, along: Step, delay_rt: int = 1, y: int = 1) -> None:
        """Plan a repeater that passes the signal ``along``.

        ``facing`` names its input side; whoever does not know that lets it face where the signal
        should go. Whoever does not know that repeaters take time leaves the setting at 1.
        """
        toward = opposite(along) if "repeater_direction" in self.laws else along
        delay = delay_rt if "repeater_delay" in self.laws else 1
        self.put(x, z, f"minecraft:repeater[delay={delay},facing={NAMES[toward]}]", y)

    def corner(self, x: int, z: int, y: int = 1) -> None:
        """Plan the dust where a wire turns; whoever takes dust to join diagonally cuts it."""
        if "dust_axes" in self.laws:
            self.put(x, z, DUST, y)

    def tooth(self, x: int, z: int, side: Step) -> None:
        """Plan a lamp beside the wire cell (x, z), on its ``side``.

        A wire lights what it points at, so a stub of dust must branch off towards the lamp; whoever
        does not know that puts the lamp next to the wire.
        """
        if "dust_pointing" in self.laws:
            self.put(x + side[0], z + side[1], DUST)
            self.put(x + 2 * side[0], z + 2 * side[1], LAMP)
        else:
            self.put(x + side[0], z + side[1], LAMP)

    def circuit(self, area_side: int) -> Circuit:
        """Return the plan, centred in the area.

        Raises:
            InputError: the plan does not fit the area.
        """
        if self.button is None:
            raise ValueError("a plan needs its button")
        shift: list[int] = []
        for axis in (0, 2):
            low = min(pos[axis] for pos in self.blocks)
            high = max(pos[axis] for pos in self.blocks)
            free = area_side - (high - low + 1)
            if free < 0:
                raise InputError(
                    "area_side", area_side, f"this device needs {high - low + 1} columns"
                )
            shift.append(free // 2 - low)
        dx, dz = shift
        data = {
            "blocks": [[x + dx, y, z + dz, block] for (x, y, z), block in self.blocks.items()],
            "press": [self.button[0] + dx, self.button[1], self.button[2] + dz],
        }
        return Circuit.from_json(data, area_side)


def delay_chain(total_rt: int, longest_rt: int = 4) -> list[int]:
    """Split a delay into repeater settings, longest first: 6 -> [4, 2]."""
    full, rest = divmod(total_rt, longest_rt)
    return [longest_rt] * full + ([rest] if rest else [])


def wire_range(laws: Laws) -> int:
    """Return how many dusts in line stay powered, for all the builder knows: unlimited if none."""
    return laws.get("attenuation", 10**6)


def row(
    canvas: Canvas,
    start: Step,
    along: Step,
    length: int,
    teeth: Sequence[tuple[int, int]],
    strength: int,
) -> None:
    """Lay a wire from ``start`` with lamps on both sides, regenerating it where it would die.

    Args:
        canvas: the plan.
        start: first cell (x, z) of the wire.
        along: direction of the wire.
        length: number of cells.
        teeth: (index along the wire, side): +1 is clockwise of ``along``, -1 the other side.
        strength: what the first cell receives.
    """
    toothed = {index for index, _ in teeth}
    reach = wire_range(canvas.laws)
    level = strength
    for index in range(length):
        x, z = start[0] + along[0] * index, start[1] + along[1] * index
        # A stub costs one more block than the cell it hangs on; the next free cell may be two on.
        dies = level <= 2 and index + 1 < length and index not in toothed
        if dies and reach < 10**6:
            canvas.repeater(x, z, along)
            level = reach
        else:
            canvas.put(x, z, DUST)
            level -= 1
    for index, side in teeth:
        clockwise = (-along[1], along[0])
        x, z = start[0] + along[0] * index, start[1] + along[1] * index
        canvas.tooth(x, z, clockwise if side > 0 else opposite(clockwise))
