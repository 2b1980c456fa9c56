"""``diagnose draw``: a circuit file as a picture, a plan, a timeline, a film or a page of all."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from diagnose.cli.main import OK
from diagnose.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

    from diagnose.env.circuit import Circuit

_LATEST_RT = 600  # a press is watched no longer
_TIMELESS = ("timeline", "gif")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("file", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="a .png file; .gif for --gif")
    parser.add_argument("--at", type=float, help="show the state at this many rt after the press")
    parser.add_argument("--task", help="whose area to use, and what to expect: for example C-L3")
    kinds = parser.add_mutually_exclusive_group()
    for kind, said in (
        ("plan", "draw every layer from above, with coordinates"),
        ("timeline", "draw when every lamp is lit; with --task, against what is expected"),
        ("sheet", "draw picture, plan and timeline on one page, with the verdict of --task"),
        ("gif", "film the press, tick by tick"),
    ):
        kinds.add_argument(
            f"--{kind}", dest="kind", action="store_const", const=kind, default="picture", help=said
        )


def main(given: argparse.Namespace) -> int:
    """Draw a circuit file.

    Raises:
        InputError: no such task, no circuit file, a name that is not this picture's, or a time
            that is not shown.
    """
    suffix = ".gif" if given.kind == "gif" else ".png"
    if given.out.suffix.lower() != suffix:
        hint = ", or add --gif" if given.out.suffix.lower() == ".gif" else ""
        raise InputError("out", str(given.out), f"give a name that ends in {suffix}{hint}")
    if given.at is not None and given.kind in _TIMELESS:
        raise InputError("--at", given.at, f"leave it out: --{given.kind} shows the whole press")
    if given.at is not None and not 0 <= given.at <= _LATEST_RT:
        raise InputError("--at", given.at, f"give a time from 0 to {_LATEST_RT} rt")

    from diagnose.env.circuit import LARGEST_SIDE, load_circuit
    from diagnose.tasks import task

    side = task(given.task).area_side if given.task else LARGEST_SIDE
    circuit = load_circuit(given.file, side)
    if given.kind == "gif":
        from diagnose.env.film import film

        film(circuit, given.out, given.file.stem)
    else:
        from diagnose.env.flat import save_png

        save_png(_image(circuit, given), given.out)
    print(given.out)
    return OK


def _image(circuit: "Circuit", given: argparse.Namespace) -> "Image.Image":
    from diagnose.env.painter import area_of, render

    title = given.file.stem
    if given.kind == "picture":
        return render(circuit, given.at, title)
    if given.kind == "plan":
        from diagnose.env.engine import states_at
        from diagnose.env.plan import render_plan

        return render_plan(circuit, states_at(circuit, area_of(circuit), given.at))

    from diagnose.env.engine import press
    from diagnose.env.page import render_page
    from diagnose.env.timeline import render_timeline, timeline_of
    from diagnose.tasks import family_of, judge, task

    verdict, windows = None, None
    if given.task:
        chosen = task(given.task)
        family = family_of(chosen)
        trace = press(circuit, chosen.area_side, last_fall_rt=family.last_fall_rt(chosen))
        verdict, windows = judge(family, chosen, circuit, trace), family.windows(chosen, trace)
        title = f"{title}, against {chosen.id}"
    else:
        trace = press(circuit, area_of(circuit))
    if given.kind == "timeline":
        return render_timeline(timeline_of(trace, windows), title)
    return render_page(circuit, trace, title, given.at, verdict, windows)
