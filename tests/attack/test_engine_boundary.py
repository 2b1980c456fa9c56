"""Nothing reaches the engine that was not checked: it aborts the process on some arguments."""

import ast
import json
from pathlib import Path
from typing import Any

import nucleation
import pytest

from benchmarks.fuzz.cases import kind_of, run_case
from diagnose.env import board
from diagnose.env.blocks import CANONICAL_STATES
from diagnose.env.circuit import LARGEST_SIDE, LAYERS
from diagnose.env.engine import CACHE, SETTLE_RT, TICKS_PER_RT

ROOT = Path(__file__).parents[2]
STATES = CANONICAL_STATES | set(board._DARK.values())
LONGEST_TICKS = SETTLE_RT * TICKS_PER_RT


class Recorded:
    """Stands before a world or a schematic of the engine and checks what each call is given."""

    def __init__(self, inner: Any, seen: dict[str, int]) -> None:
        self._inner, self._seen = inner, seen

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._inner, name)

        def call(*args: Any) -> Any:
            check(name, args)
            self._seen[name] = self._seen.get(name, 0) + 1
            return function(*args)

        return call


def check_cell(cell: Any) -> None:
    x, y, z = cell
    assert all(type(part) is int for part in cell), cell
    assert 0 <= x < LARGEST_SIDE, cell
    assert 0 <= y <= LAYERS, cell
    assert 0 <= z < LARGEST_SIDE, cell


def check(name: str, args: tuple[Any, ...]) -> None:
    """Fail on a call that is not of the few kinds that the engine is known to bear."""
    match name, args:
        case (("place_block" | "set_block_from_string"), (x, y, z, state)):
            check_cell((x, y, z))
            assert state in STATES, state
        case "use_block", (x, y, z):
            check_cell((x, y, z))
        case "fill_cuboid", (x1, y1, z1, x2, y2, z2, "minecraft:stone"):
            check_cell((x1, y1, z1))
            check_cell((x2, y2, z2))
        case (("run" | "run_until_quiescent"), (ticks,)):
            assert type(ticks) is int
            assert 0 <= ticks <= LONGEST_TICKS, ticks
        case "read_probes", (cells,):
            for cell in json.loads(cells):
                check_cell(cell)
        case "restore", (checkpoint,):
            assert type(checkpoint) is int
        case (
            "clear_changes" | "changes_count" | "changes_json" | "is_quiescent" | "tick_count"
            | "checkpoint"
        ), ():  # fmt: skip
            pass
        case _:
            pytest.fail(f"an unknown call of the engine: {name}{args!r:.200}")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Put the recorder before the engine; a count of its calls by name."""
    calls: dict[str, int] = {}

    class Schematic:
        @staticmethod
        def create(name: str) -> Recorded:
            return Recorded(nucleation_schematic.create(name), calls)

    class TickSimulation:
        @staticmethod
        def from_schematic(schematic: Recorded, *settings: Any) -> Recorded:
            made = nucleation_simulation.from_schematic(schematic._inner, *settings)
            return Recorded(made, calls)

    nucleation_schematic, nucleation_simulation = nucleation.Schematic, nucleation.TickSimulation
    monkeypatch.setattr(nucleation, "Schematic", Schematic)
    monkeypatch.setattr(nucleation, "TickSimulation", TickSimulation)
    monkeypatch.setattr(board, "_BOARDS", {})
    CACHE.clear()
    yield calls
    CACHE.clear()


def test_only_checked_arguments_reach_the_engine(seen: dict[str, int]) -> None:
    kinds = ("random circuit", "mutated device", "grammar", "hostile calls", "cheats", "nonsense")
    numbers = [number for number in range(200) if kind_of(3, number) in kinds]
    for number in numbers:
        run_case(3, number)
    assert seen["use_block"] > 15  # many came through, so that much was checked
    assert seen["place_block"] > 300


def test_the_check_itself_catches_what_would_abort(seen: dict[str, int]) -> None:
    world = board.fresh_world(9)
    for name, args in (
        ("place_block", (2_000_000_000, 1, 1, "minecraft:stone")),
        ("place_block", (1, 1, 1, "minecraft:repeater[delay=9]")),
        ("use_block", (1, 99, 1)),
        ("run", (10**9,)),
    ):
        with pytest.raises(AssertionError):
            getattr(world, name)(*args)
    assert "place_block" not in seen


def test_the_engine_is_called_from_the_world_and_by_one_name() -> None:
    """What imports it otherwise, or elsewhere, the recorder above would not see."""
    for file in sorted((ROOT / "diagnose").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] != "nucleation", file
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.partition(".")[0] == "nucleation":
                        assert (alias.name, alias.asname) == ("nucleation", None), file
                        assert file.parent == ROOT / "diagnose" / "env", file
