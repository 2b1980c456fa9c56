"""The forms of consolidation, and what each support adds level by level."""

import pandas as pd

from analysis.figures.marks import zero
from analysis.figures.style import PAGE, SIZES, Drawn, bare, canvas, footnote, styled
from analysis.figures.style import title as headed
from analysis.figures.theme import COLOURS, SPARE, theme
from analysis.published.names import FORMATS, HINTS, JOINT, TWO_BY_TWO
from analysis.published.tables import limits, of_models, p_value, percent
from analysis.study import records

SHADES = (COLOURS["consolidation"], SPARE[0], SPARE[3])
WORDS = dict(
    zip(
        FORMATS,
        ("Claim-Proof-\nConstraints-Example", "Finding-\nExplanation-Example", "self-determined"),
        strict=True,
    )
)
COLUMNS = ("estimate", "ci_low", "ci_high", "p", "p_holm", "n_episodes")


def format_rows(frame: pd.DataFrame, model: str) -> pd.DataFrame:
    """Return a model's rate with each form of notes, and what the first adds over each other one.

    Columns: form, measure (rate or difference), estimate, ci_low, ci_high, p, p_holm, n_episodes.
    No rows with fewer than two forms.
    """
    rows = dict(of_models(frame)).get(model, {})
    held = [form for form in FORMATS if f"cell_format:{form}" in rows]
    found = []
    for form in held if len(held) > 1 else ():
        named = {"rate": f"cell_format:{form}", "difference": f"format:{held[0]}/{form}"}
        for measure, name in named.items():
            if name in rows:
                shown = {column: rows[name][column] for column in COLUMNS}
                found.append({"form": form, "measure": measure} | shown)
    return pd.DataFrame(found)


@styled
def format_plot(rows: pd.DataFrame, title: str, note: str) -> Drawn:
    """Draw the rates at the left and, at the right, the first form less each other one.

    Args:
        rows: of ``format_rows``.
        title: says whose they are.
        note: target, n and the kind of interval.
    """
    forms = list(dict.fromkeys(rows["form"]))
    figure, panels = canvas(PAGE, 1.4 + 0.5 * len(forms), 1, 2, sharey=True)
    left, right = panels[0]
    for row in records(rows):
        y, rate = forms.index(row["form"]), row["measure"] == "rate"
        axes, shade = left if rate else right, SHADES[FORMATS.index(row["form"])]
        low, middle, high = (100 * row[name] for name in ("ci_low", "estimate", "ci_high"))
        axes.plot([low, high], [y, y], color=shade if rate else theme().ink, lw=1.8)
        axes.plot(
            middle, y, "o" if rate else "D", color=shade, mec=theme().ink, mew=0.6, markersize=5.5
        )
        said = f"{percent(row)} {limits(row)}"
        if not rate:
            said += f"\np {p_value(row['p'])}, Holm {p_value(row['p_holm'])}"
        beside = axes.get_yaxis_transform()
        axes.text(1.02, y, said, fontsize=SIZES["text"], va="center", transform=beside)
    zero(right)
    left.set_yticks(range(len(forms)), [WORDS[form] for form in forms])
    left.set_ylim(len(forms) - 0.5, -0.6)
    left.set_xlabel("success rate, %")
    right.set_xlabel("the first form less this one, points")
    for axes in (left, right):
        bare(axes, "left")
        axes.margins(x=0.1)
    headed(figure, title)
    footnote(figure, note)
    return Drawn(figure, rows)


def level_rows(frame: pd.DataFrame, model: str) -> pd.DataFrame:
    """Return what hint and scientist add at each level, over the other support off and on.

    Columns: support, level, estimate, ci_low, ci_high, p, p_holm, n_episodes.
    """
    rows = dict(of_models(frame)).get(model, {})
    found = []
    for support, factor in (("hint", HINTS), ("scientist", JOINT)):
        start = f"ame_level:{factor}@L"
        for name in (name for name in rows if name.startswith(start)):
            level = int(name.removeprefix(start).removesuffix(TWO_BY_TWO))
            shown = {column: rows[name][column] for column in COLUMNS}
            found.append({"support": support, "level": level} | shown)
    return pd.DataFrame(found)


@styled
def level_plot(rows: pd.DataFrame, title: str, note: str) -> Drawn:
    """Draw the gains by level, hint and scientist side by side.

    Args:
        rows: of ``level_rows``.
        title: says whose they are.
        note: target, n and the kind of interval.
    """
    levels = sorted(set(rows["level"]))
    figure, panels = canvas(max(4.5, 1.1 * len(levels)), 3.2)
    axes = panels[0][0]
    zero(axes, vertical=False)
    marks = {"hint": ("identification", "o", -0.1), "scientist": ("discovery", "D", 0.1)}
    for row in records(rows):
        part, marker, shift = marks[row["support"]]
        x = levels.index(row["level"]) + shift
        low, middle, high = (100 * row[name] for name in ("ci_low", "estimate", "ci_high"))
        axes.plot([x, x], [low, high], color=COLOURS[part], lw=1.6)
        axes.plot(x, middle, marker, color=COLOURS[part], markersize=5.5)
        side = 0.07 if shift > 0 else -0.07
        axes.text(
            x + side, middle, f"{middle + 0.0:.4g}", fontsize=SIZES["text"], va="bottom",
            ha="left" if shift > 0 else "right",
        )  # fmt: skip
    for support, (part, marker, _) in marks.items():
        axes.plot([], [], marker, color=COLOURS[part], label=support)
    axes.legend(loc="best")
    axes.set_xticks(range(len(levels)), [f"L{level}" for level in levels])
    axes.set_xlim(-0.6, len(levels) - 0.4)
    axes.set_ylabel("gain, percentage points")
    headed(figure, title)
    footnote(figure, note)
    return Drawn(figure, rows)
