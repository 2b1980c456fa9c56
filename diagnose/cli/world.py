"""``diagnose tasks | verify | draw | gold``: the world and its tasks from the command line."""

import json
from pathlib import Path

from diagnose.cli.main import FAILED, OK
from diagnose.env.circuit import load_circuit
from diagnose.env.engine import ENGINE, press
from diagnose.env.experiments import true_laws
from diagnose.errors import InputError
from diagnose.tasks import all_tasks, build_device, family_of, judge, task


def tasks(name: str | None) -> int:
    """List the 25 tasks, or print the text of one."""
    if name is not None:
        chosen = task(name)
        print(family_of(chosen).text(chosen))
        return OK
    for one in all_tasks():
        params = ", ".join(f"{key} {_brief(value)}" for key, value in one.params.items())
        print(f"{one.id}  {one.lamps:3d} lamps  {family_of(one).title:28s} {params}")
    return OK


def verify(path: Path, name: str, *, as_json: bool) -> int:
    """Judge a circuit file and print the verdict with its reasons."""
    chosen = task(name)
    family = family_of(chosen)
    circuit = load_circuit(path, chosen.area_side)
    trace = press(circuit, chosen.area_side, last_fall_rt=family.last_fall_rt(chosen))
    verdict = judge(family, chosen, circuit, trace)
    if as_json:
        shown = {"task": chosen.id, "engine": ENGINE, **verdict.to_json(), **trace.to_json()}
        print(json.dumps(shown))
    else:
        print(f"{chosen.id}: {'pass' if verdict.passed else 'fail'}")
        for reason in verdict.reasons:
            print(f"- {reason}")
    return OK if verdict.passed else FAILED


def draw(path: Path, out: Path, at_rt: float | None, name: str) -> int:
    """Draw a circuit file."""
    from diagnose.env.painter import draw as paint

    if out.suffix.lower() != ".png":
        raise InputError("out", str(out), "give a name that ends in .png")
    paint(load_circuit(path, task(name).area_side), out, trace_at_rt=at_rt, title=path.stem)
    print(out)
    return OK


def gold(name: str) -> int:
    """Print the device that an agent knowing every law builds, as a circuit file."""
    print(json.dumps(build_device(task(name), true_laws()).to_json()))
    return OK


def _brief(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:36]}...]"
