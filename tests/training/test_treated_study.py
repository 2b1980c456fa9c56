"""Studies of weights: the same on one worker and on eight, asked nothing twice, and treated."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from diagnose.cli.configure import configured
from diagnose.cli.current import recomposed
from diagnose.cli.main import main
from diagnose.errors import ConfigError, InputError
from tests.training.weights import write_adapter, write_model

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
ROOT = Path(__file__).parents[2]
SMALL = [
    "subject=local", "subject.max_new_tokens=16", "subject.batch=4", "study.runs=1",
    "study.tasks=[A-L1,C-L1]", "design=one_at_a_time", "budgets.turns=1", "reuse=false",
]  # fmt: skip
Places = tuple[Path, Path, Path]
OTHERS = ("aligner", "llama_adapter")


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A model, an adapter drawn at random, and one before its first step."""
    home = tmp_path_factory.mktemp("weights")
    base = write_model(home / "base", context=32768)
    return (
        base,
        write_adapter(home / "drawn", base, trained=True),
        write_adapter(home / "still", base, trained=False),
    )


def run(folder: Path, *overrides: str) -> tuple[Path, str]:
    """Run a study in a process of its own; its folder and what it said."""
    place = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "diagnose", "run", *SMALL, f"study.folder={folder}", *overrides],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, **place},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("study-*")
    return made, done.stderr + done.stdout


def lines(folder: Path) -> list[bytes]:
    return sorted((folder / "episodes.jsonl").read_bytes().splitlines())


def records(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    found = (json.loads(line) for line in lines(folder))
    return {(one["task"], one["cell"]): one for one in found}


def test_one_worker_and_eight_make_the_same_bytes_and_nothing_is_asked_twice(
    places: Places, tmp_path: Path
) -> None:
    model = f"subject.model={places[0]}"
    one, said = run(tmp_path / "one", model, "run.workers=1", "run.concurrency=1")
    eight, _ = run(tmp_path / "eight", model, "run.workers=8")
    assert len(lines(one)) == 12
    assert lines(one) == lines(eight)
    asked = (one / "exchanges.jsonl").read_text().splitlines()
    answered = sum("request" in json.loads(line) for line in asked)
    assert f"{answered} calls answered, 0 replayed" in said
    (one / "episodes.jsonl").unlink()
    (one / "index.sqlite").unlink(missing_ok=True)
    for path in one.glob("*.journal"):
        path.unlink()
    again, said = run(tmp_path / "one", model)
    assert f"0 calls answered, {answered} replayed" in said
    assert lines(again) == lines(eight)


def test_a_treatment_crosses_with_what_is_said_and_its_sham_changes_nothing(
    places: Places, tmp_path: Path
) -> None:
    base, drawn, still = places
    others = [
        write_adapter(tmp_path / method, base, trained=True, method=method) for method in OTHERS
    ]
    folder, said = run(
        tmp_path,
        f"subject.model={base}",
        "interventions/weights=placebo",
        f"interventions.weights.treatments=[{','.join(map(str, [drawn, *others]))}]",
        "interventions.weights.levels=[0,1,2,3,9]",
        f"interventions.weights.sham={still}",
        "interventions.weights.retention=[A-L1]",
        "interventions/gap_hints=off",
        "interventions/experiment_oracles=off",
        "interventions/knowledge_notes=off",
        "design=full_factorial",
    )
    found = records(folder)
    assert {cell for _, cell in found} == {f"000{s}{w}" for s in "01" for w in "01239"}
    for task in ("A-L1", "C-L1"):
        for sketch in "01":
            own, *treated, sham = (found[task, f"000{sketch}{w}"]["transcript"] for w in "01239")
            assert own == sham  # weights that changed nothing, by another way
            assert len({json.dumps(one) for one in (own, *treated)}) == 4
            for one in treated:
                assert own[:2] == one[:2]  # nothing is said: only who answers differs
    one = found["C-L1", "00001"]
    assert {record["model"] for record in found.values()} == {one["model"]}
    told = one["config"]["interventions"]["weights"]
    assert told["applied"]["1"]["objective"] == "dft"
    assert (told["applied"]["1"]["parameters"], told["applied"]["1"]["seconds"]) == (512, 61.5)
    assert str(drawn) not in json.dumps(one)  # no place of this machine
    entry = one["interventions"]["weights"]
    assert (entry["capacity"], entry["dose"], entry["used"]) == ("treatment", 1, None)
    assert "closed" in said
    for method in ("lora", *OTHERS):
        assert f"dft, {method}" in said


def study(places: Places, *overrides: str) -> Any:
    return configured([*SMALL, f"subject.model={places[0]}", *overrides])


def test_ids_follow_from_content_and_from_the_dose_that_is_on(places: Places) -> None:
    crossed = "interventions/weights=crossed"
    own = study(places, crossed, f"interventions.weights.treatments=[{places[1]}]")
    bare = study(places)
    moved = places[1].rename(places[1].with_name("elsewhere"))
    try:
        same = study(places, crossed, f"interventions.weights.treatments=[{moved}]")
        assert [same.identify(plan) for plan in same.plans] == [
            own.identify(plan) for plan in own.plans
        ]
        assert same.folder == own.folder
        other = study(places, crossed, f"interventions.weights.treatments=[{places[2]}]")
    finally:
        moved.rename(places[1])
    ids = {(plan.task, plan.cell): own.identify(plan) for plan in own.plans}
    changed = {
        plan.cell for plan in other.plans if ids[plan.task, plan.cell] != other.identify(plan)
    }
    assert changed == {cell for _, cell in ids if cell[-1] == "1"}
    untreated = {bare.identify(plan) for plan in bare.plans}
    assert {one for (_, cell), one in ids.items() if cell[-1] == "0"} <= untreated


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["interventions.weights.treatments=[nowhere]"], "save_pretrained"),
        (["interventions.weights.treatments=[]"], "needs a folder"),
        (["interventions.weights.treatments=text"], "list of folders"),
        (["interventions.weights.treatments=[{base}]"], "treatment.json"),
        (["{given}", "interventions.weights.retention=A"], "tasks"),
        (["{given}", "subject=reference/frontier"], "subject=local"),
        (["{given}", "interventions.weights.levels=[0,2]"], "dose 2"),
    ],
)  # fmt: skip
def test_what_cannot_treat_is_refused_before_anything_runs(
    places: Places, overrides: list[str], told: str
) -> None:
    drawn = f"interventions.weights.treatments=[{places[1]}]"
    given = [one.format(base=places[0], given=drawn) for one in overrides]
    model = [] if any("subject=" in one for one in given) else [f"subject.model={places[0]}"]
    small = SMALL if model else SMALL[3:]
    with pytest.raises(ConfigError, match=told):
        configured([*small, *model, "interventions/weights=crossed", *given])


def test_a_treatment_of_another_model_and_one_that_says_nonsense_are_refused(
    places: Places, tmp_path: Path
) -> None:
    for changes, told in (
        ({"base_sha256": "0" * 64}, "another model"),
        ({"parameters": "many"}, "parameters"),
        ({"seconds": -1.0}, "seconds"),
    ):
        folder = write_adapter(tmp_path / told, places[0], trained=False, **changes)
        treatments = f"interventions.weights.treatments=[{folder}]"
        with pytest.raises(ConfigError, match=told):
            study(places, "interventions/weights=on", treatments)


def test_what_is_current_is_asked_with_the_weights_folders(
    places: Places, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    treated = ["interventions/weights=on", f"interventions.weights.treatments=[{places[1]}]"]
    made = study(places, *treated)
    (tmp_path / "study.json").write_text(json.dumps(made.header, default=list))
    with pytest.raises(InputError, match="never the place: give diagnose plan the overrides"):
        recomposed(tmp_path)
    asked = [*SMALL, f"subject.model={places[0]}", *treated, f"study.folder={tmp_path}"]
    assert main(["plan", *asked]) == 0  # and that is a command which answers
    assert f"{len(made.plans)}" in capsys.readouterr().out
