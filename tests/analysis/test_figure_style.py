"""How figures look: colours told apart, texts that can be read, the same bytes each time."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from analysis.figures import catalogue, style, theme
from analysis.results import Estimates
from diagnose.errors import InputError
from tests.analysis import figure_studies

# Full dichromacy in linear RGB. Source: Machado, Oliveira and Fernandes 2009, severity 1.0.
VISIONS = {
    "usual": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
WHITE = (0.9505, 1.0, 1.089)
JUST_TOLD_APART = 2.3  # in CIELAB. Source: Mahy and others 1994
READABLE = 4.5  # Source: WCAG 2.2, level AA
STUDIES = {
    "one": figure_studies.one,
    "eight": figure_studies.eight,
    "lacking": figure_studies.lacking,
    "losing": figure_studies.losing,
    "armed": figure_studies.armed,
}


def lab(colour: str, vision: str) -> np.ndarray:
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(VISIONS[vision]) @ linear, 0, 1)
    x, y, z = (
        np.cbrt(t) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116
        for t in np.array(TO_XYZ) @ seen / WHITE
    )
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("own", [theme.LIGHT, theme.DARK], ids=lambda own: own.name)
def test_colours_are_told_apart_with_any_colour_vision(vision: str, own: theme.Theme) -> None:
    capacities = [*(theme.COLOURS | {"residual": own.residual}).values()]
    for colours, least in ((capacities, 8), ([*theme.KINDS, own.rest, own.residual], 7)):
        for a, b in combinations(colours, 2):
            apart = np.linalg.norm(lab(a, vision) - lab(b, vision))
            assert apart > least * JUST_TOLD_APART, (a, b, apart)


def test_the_simulated_vision_merges_what_the_eye_would() -> None:
    """Okabe and Ito's pink and a grey of its lightness, which the palette therefore leaves."""
    assert np.linalg.norm(lab("#cc79a7", "usual") - lab("#8a929a", "usual")) > 30
    assert np.linalg.norm(lab("#cc79a7", "deuteranopia") - lab("#8a929a", "deuteranopia")) < 4


def test_contrast_is_that_of_the_guidelines() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)
    for colour in (*theme.COLOURS.values(), *theme.SPARE, *theme.KINDS):
        assert theme.contrast(theme.readable(colour), colour) >= READABLE


LOOKED_AT = {
    "one": ("capacity_gaps", "waterfall", "forest", "ratios", "estimation", "interactions",
            "levels", "level_effects", "failures"),
    "eight": ("capacity_gaps", "waterfall", "forest", "ratios", "estimation", "interactions",
              "level_effects", "failures"),
    "lacking": ("forest", "estimation"),
    "losing": ("capacity_gaps", "waterfall"),
    "armed": ("dose_response", "placebo"),
}  # fmt: skip
NAMES = [(source, name) for source, names in LOOKED_AT.items() for name in names]


def test_every_kind_of_figure_is_looked_at() -> None:
    for source in ("one", "armed"):
        allowed = set(catalogue.available(STUDIES[source]()))
        assert allowed - {"interactions_banzhaf"} <= {name for _, name in NAMES}


def written(figure: Figure, monkeypatch: pytest.MonkeyPatch) -> list[Text]:
    """Draw a figure and return the texts that were written."""
    seen: list[Text] = []
    draw = Text.draw

    def noted(text: Text, renderer: object, *more: object, **named: object) -> None:
        if text.get_visible() and text.get_text().strip():
            seen.append(text)
        draw(text, renderer, *more, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Text, "draw", noted)
        figure.canvas.draw()
    return list({id(text): text for text in seen}.values())


def whole_and_apart(figure: Figure, texts: list[Text]) -> None:
    """Assert that texts lie on the page, and that no two overlap."""
    boxes = [text.get_window_extent() for text in texts]
    page = figure.bbox
    for text, box in zip(texts, boxes, strict=True):
        inside = box.x0 > -1 and box.y0 > -1 and box.x1 < page.x1 + 1 and box.y1 < page.y1 + 1
        assert inside, text.get_text()
    for (a, first), (b, second) in combinations(zip(texts, boxes, strict=True), 2):
        width = min(first.x1, second.x1) - max(first.x0, second.x0)
        height = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert width <= 1 or height <= 1, (a.get_text(), b.get_text())


@pytest.mark.parametrize(("source", "name"), NAMES)
def test_texts_are_whole_and_apart(source: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = catalogue.available(STUDIES[source]())[name]().figure
    FigureCanvasAgg(figure)
    texts = written(figure, monkeypatch)
    assert all(text.get_fontsize() >= 6 for text in texts)
    whole_and_apart(figure, texts)


@pytest.mark.parametrize("shade", ["light", "dark"])
@pytest.mark.parametrize(
    ("source", "name"), [*(pair for pair in NAMES if pair[0] in {"one", "armed"})]
)
def test_texts_are_readable_on_what_is_under_them(
    source: str, name: str, shade: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with theme.drawn_in(shade):
        figure = catalogue.available(STUDIES[source]())[name]().figure
    canvas = FigureCanvasAgg(figure)
    texts = written(figure, monkeypatch)
    boxes = [text.get_window_extent() for text in texts]
    for text in texts:
        text.set_visible(False)
    figure.set_layout_engine("none")
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[:, :, :3] / 255
    for text, box in zip(texts, boxes, strict=True):
        rows = slice(int(figure.bbox.y1 - box.y1), int(figure.bbox.y1 - box.y0) + 1)
        under = np.median(pixels[rows, int(box.x0) : int(box.x1) + 1], axis=(0, 1))
        told = to_hex(text.get_color()), to_hex(under)
        assert theme.contrast(*told) >= READABLE, (text.get_text(), *told)


@pytest.mark.parametrize("form", style.FORMATS)
def test_equal_figures_give_equal_bytes(tmp_path: Path, form: str) -> None:
    estimates = figure_studies.one()
    for shade in ("light", "dark"):
        paths = []
        for time in ("a", "b"):
            drawn = catalogue.available(estimates)["waterfall"]()
            paths += style.save(drawn, tmp_path / time, [form], shade)
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert paths[0].name == f"a{'_dark' if shade == 'dark' else ''}.{form}"
    light, dark = (tmp_path / f"a{end}.{form}" for end in ("", "_dark"))
    assert light.read_bytes() != dark.read_bytes()


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    drawn = catalogue.available(figure_studies.one())["waterfall"]()
    with pytest.raises(InputError, match="png, svg, pdf"):
        style.save(drawn, tmp_path / "a", ["gif"])
    with pytest.raises(InputError, match="light, dark"):
        style.save(drawn, tmp_path / "a", theme="sepia")
    alone = style.Drawn(drawn.figure, drawn.frame)
    with pytest.raises(InputError, match="light only"):
        alone.themed("dark")


def test_a_theme_holds_only_while_it_is_asked_for() -> None:
    drawn = catalogue.available(figure_studies.one())["forest"]()
    dark = drawn.themed("dark")
    assert to_hex(drawn.figure.get_facecolor()) == theme.LIGHT.paper
    assert to_hex(dark.figure.get_facecolor()) == theme.DARK.paper
    assert dark.themed("dark") is dark
    assert dark.frame is drawn.frame
    assert theme.theme() is theme.LIGHT


def test_a_notebook_shows_what_is_plotted() -> None:
    estimates: Estimates = figure_studies.one()
    figure = estimates.plot("waterfall", theme="dark")
    assert to_hex(figure.get_facecolor()) == theme.DARK.paper
    assert 4 <= figure.get_figwidth() <= style.PAGE
    assert figure._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="capacity_gaps, waterfall, forest"):
        estimates.plot("pie")


def test_long_texts_are_cut_into_lines_and_names_behind_their_marks() -> None:
    text = "a note of some length, " * 20
    lines = style.wrap(text, 7.5, style.COLUMN).splitlines()
    assert " ".join(lines) == " ".join(text.split())
    assert len(lines) > 5
    assert style.folded("vendor/model-large_2026", 14) == "vendor/model-\nlarge_2026"
    assert style.folded("short", 3) == "short"


def test_file_names_are_safe() -> None:
    assert style.slug("reference/frontier") == "reference-frontier"
    assert style.slug("../..") == "model"
