"""The second judge: the same press in MCHPRS, a redstone compiler of the same package.

It shares no code with the tick engine: it turns the circuit into a graph of parts and runs that.
It knows no observers and no torch burnout, and orders simultaneous changes in its own way, so the
tick engine judges and this one cross-checks (docs/fidelity.md counts where they part).

MCHPRS counts whole redstone ticks and has no event log. So the circuit is read once per tick, and
a change that is undone within the same tick is not seen. Nor does it tell whether something is
pending: a circuit counts as at rest when nothing in it has changed for as long as its slowest part
can wait.
"""

import importlib.metadata
from collections.abc import Sequence

import nucleation

from diagnose.env.blocks import PALETTE, STONE, Pos, name_of, props_of
from diagnose.env.circuit import Circuit
from diagnose.env.dust import sides_of
from diagnose.env.engine import MOST_CHANGES, SETTLE_RT, Watch, check
from diagnose.env.trace import Dust, Interval, Trace

ENGINE = f"nucleation {importlib.metadata.version('nucleation')} mchprs"
LONGEST_WAIT_RT = 10  # the stone button; a repeater waits 4 at most, a lamp 2, the others 1
_READ = frozenset(
    name for name, block in PALETTE.items() if block.properties.keys() & {"power", "powered", "lit"}
) - {"observer", "target"}  # which never change here
_GIVES = ("power", "powered", "lit")
_State = tuple[str | int, ...]  # what a part gives: its properties, and a comparator's strength


def press(
    circuit: Circuit,
    area_side: int,
    watch_rt: int = 600,
    tail_rt: int = 20,
    last_fall_rt: int = 0,
) -> Trace:
    """Settle the circuit, press its button, and watch, as ``engine.press`` does.

    Times are whole rt. ``end_rt`` may be later than the tick engine's by what it takes to see that
    nothing is pending. Dust peaks and ``active`` are what is seen once per rt.

    Raises:
        InputError: as ``engine.press``.
    """
    check(circuit, area_side)
    seen = _Seen(circuit)
    settled = seen.rest(SETTLE_RT, 0)
    before = dict(seen.states)
    lamps = circuit.cells("redstone_lamp")
    lit_before = tuple(pos for pos in lamps if before[pos] == ("true",))
    intervals = {pos: [Interval(0, None)] if pos in lit_before else [] for pos in lamps}

    seen.restart(intervals)
    seen.use(circuit.press)
    watch = Watch(watch_rt, tail_rt, last_fall_rt)
    quiet = seen.rest(watch.watch_rt, min(watch.watch_rt, watch.last_fall_rt + watch.tail_rt))
    return Trace(
        lamps={pos: tuple(intervals[pos]) for pos in lamps},
        settled=settled,
        lit_before=lit_before,
        quiet=quiet,
        end_rt=seen.now_rt,
        dust={
            pos: Dust(len(sides := tuple(sides_of(circuit.blocks, pos))), seen.peaks[pos], sides)
            for pos in circuit.cells("redstone_wire")
        },
        active=frozenset(seen.changed).union(
            pos for pos in circuit.cells("comparator") if before[pos][0] == "true"
        ),
    )


class _Seen:
    """A MCHPRS world of one circuit, and what has been seen of it, tick by tick.

    The world is the circuit's own box, moved to the origin, with the floor below it: nothing
    outside can carry power, and reading the whole area takes twenty times as long.
    """

    def __init__(self, circuit: Circuit) -> None:
        self._shift = tuple(min(pos[axis] for pos in circuit.blocks) for axis in (0, 2))
        self._world = _world(
            [(self._at(pos), state) for pos, state in circuit.blocks.items()],
        )
        comparators = frozenset(circuit.cells("comparator"))
        self._cells = tuple(
            (pos, self._at(pos), pos in comparators)
            for pos, state in circuit.blocks.items()
            if name_of(state) in _READ
        )
        self._texts: dict[Pos, str] = {}  # as read: most cells are the same tick after tick
        self._strengths: dict[Pos, int] = {}
        self._lamps: dict[Pos, list[Interval]] = {}
        self.peaks = dict.fromkeys(circuit.cells("redstone_wire"), 0)
        self.changed: set[Pos] = set()
        self.changes = 0
        self.now_rt = 0
        self._still_rt = 0  # for how long nothing has changed
        self.states: dict[Pos, _State] = {}
        self._read()

    def restart(self, lamps: dict[Pos, list[Interval]]) -> None:
        """Count from now: time, changes and peaks; write lit intervals into ``lamps``."""
        self._lamps = lamps
        self.changed.clear()
        self.changes = self.now_rt = 0
        self.peaks = {pos: int(self.states[pos][0]) for pos in self.peaks}

    def use(self, button: Pos) -> None:
        """Press the button."""
        self._still_rt = 0
        self._world.on_use_block(*self._at(button))
        self._read()

    def rest(self, most_rt: int, least_rt: int) -> bool:
        """Run until nothing changes and ``least_rt`` has passed; return whether it is at rest."""
        while self.now_rt < most_rt and self.changes < MOST_CHANGES:
            if self._still_rt >= LONGEST_WAIT_RT and self.now_rt >= least_rt:
                break
            self._world.tick(1)
            self.now_rt += 1
            self._still_rt += 1
            self._read()
        return self._still_rt >= LONGEST_WAIT_RT

    def _read(self) -> None:
        self._world.flush()
        self._world.sync_to_schematic()
        schematic = self._world.get_schematic()
        for pos, at, is_comparator in self._cells:
            text = schematic.get_block_string(*at)
            strength = self._world.get_signal_strength(*at) if is_comparator else 0
            if text == self._texts.get(pos) and strength == self._strengths.get(pos, 0):
                continue
            self._texts[pos], self._strengths[pos] = text, strength
            props = props_of(text)
            state: _State = tuple(props[key] for key in _GIVES if key in props)
            if is_comparator:
                state = (*state, strength)
            before = self.states.get(pos)
            if state == before:
                continue
            self.states[pos] = state
            self._still_rt = 0
            self.changes += 1
            if before is not None:
                self.changed.add(pos)
            if pos in self.peaks:
                self.peaks[pos] = max(self.peaks[pos], int(state[0]))
            elif pos in self._lamps:
                self._switch(self._lamps[pos], lit=state == ("true",))

    def _switch(self, intervals: list[Interval], *, lit: bool) -> None:
        if lit:
            intervals.append(Interval(self.now_rt, None))
        elif intervals:
            intervals[-1] = Interval(intervals[-1].rise_rt, self.now_rt)

    def _at(self, pos: Pos) -> Pos:
        return (pos[0] - self._shift[0], pos[1], pos[2] - self._shift[1])


def _world(blocks: Sequence[tuple[Pos, str]]) -> nucleation.MchprsWorld:
    schematic = nucleation.Schematic.create("circuit")
    far_x, far_z = (max(pos[axis] for pos, _ in blocks) for axis in (0, 2))
    schematic.fill_cuboid(0, 0, 0, far_x, 0, far_z, STONE)
    for (x, y, z), state in blocks:
        schematic.set_block_from_string(x, y, z, state)
    # Not optimised: that would fold dust and constants away, which are to be read.
    return nucleation.MchprsWorld.create_with_options(schematic, optimize=False, io_only=False)
