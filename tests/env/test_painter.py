"""The picture: light where the engine says there is light, and nowhere else."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diagnose.env.circuit import Circuit
from diagnose.env.painter import draw, render
from tests.env.circuits import ALL_PARTS, LAMP, WIRE, line, random_circuit

_LINE = line(WIRE, "repeater[facing=north,delay=3]", WIRE, LAMP)


def _warm_pixels(image: Image.Image) -> int:
    """Return how many pixels are the bright yellow that only a lit lamp has."""
    red, green, blue = (np.asarray(image)[..., band].astype(int) for band in range(3))
    return int(np.count_nonzero((red > 220) & (green > 170) & (blue < 215)))


@pytest.mark.parametrize(("at_rt", "lit"), [(None, 0), (2, 0), (3, 1), (14, 1), (15, 0)])
def test_a_lamp_shines_exactly_while_it_is_lit(at_rt: int | None, lit: int) -> None:
    assert (_warm_pixels(render(_LINE, at_rt)) > 400) == bool(lit)


def test_dust_is_the_redder_the_stronger() -> None:
    def redness(at_rt: int | None) -> int:
        pixels = np.asarray(render(line(*[WIRE] * 15), at_rt)).astype(int)
        return int(np.clip(pixels[..., 0] - pixels[..., 1] - 60, 0, None).sum())

    assert redness(5) > 2 * redness(None) > 0


def test_every_part_is_drawn() -> None:
    """Taking any one block out of sight-lines changes the picture."""
    for part in sorted(set(ALL_PARTS) - {"redstone_wall_torch"}):
        alone = line("stone", part, "stone")
        empty = Circuit({p: s for p, s in alone.blocks.items() if p != (0, 1, 2)}, alone.press)
        assert render(alone).tobytes() != render(empty).tobytes(), part


def test_random_circuits_are_drawn_within_bounds(tmp_path: Path) -> None:
    for seed in range(6):
        file = tmp_path / f"{seed}.png"
        draw(random_circuit(seed), file, 4, "A random circuit")
        with Image.open(file) as image:
            assert image.format == "PNG"
            assert 200 < image.width < 1700
            assert 150 < image.height < 1700
