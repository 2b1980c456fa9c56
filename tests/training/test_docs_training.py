"""The commands on the page of training run, on a study's records and a tiny base."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from diagnose.cli.main import main
from diagnose.training.dataset import Dataset
from diagnose.training.treatment import Treatment
from tests.training.making import example, folder, pair, saved

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
# What a reader would not add: one step on a CPU, and a folder for each, as a first one would be.
SMALLER = ["device=cpu", "steps=1", "batch_size=2", "micro_batch_size=2", "measure_times=0"]
STUDY = ["experiment=smoke", "study.name=NAME", "study.tasks=[A-L1]", "study.runs=2"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_the_commands_run(tmp_path, monkeypatch, tiny_model, tiny_tokenizer):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```bash\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    collect, *trains = [shlex.split(line, comments=True)[1:] for line in block.splitlines()]
    done = subprocess.run(
        [sys.executable, "-m", "diagnose", "run", *STUDY],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, check=False, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (study,) = (tmp_path / "studies").glob("NAME-*")
    study.rename(tmp_path / "studies" / "NAME")
    assert main(collect) == 0
    assert Dataset.read("data").examples("train")
    Path("data").rename("collected")  # its conversations are long, and in a real model's words
    kinds = ("own", "corpus")
    rows = [example(n, kind=kinds[n % 2]) for n in range(8)]
    rows += [example(n, "validation") for n in range(8, 10)]
    folder(tmp_path / "data", rows, [pair(n) for n in range(4)])
    saved(tiny_model("llama", num_hidden_layers=3), tiny_tokenizer, tmp_path / "FOLDER")
    assert len(trains) == 7
    found = []
    for n, words in enumerate(trains):
        recipe = any(word.startswith("recipe=") for word in words)
        more = ["base=FOLDER", "dtype=float32", "max_tokens=256"] if recipe else []
        place = [] if "-m" in words else [f"out=treatments/line-{n}"]
        assert main([*words, *SMALLER, *more, *place]) == 0, words
        made = [Treatment.read(path.parent) for path in Path().rglob("treatment.json")]
        found.append(len(made))
    # One each; three rates; three objectives by two adapters; the sham; the recipe.
    assert found == [1, 2, 3, 6, 12, 13, 14]
    kept = {(one.objective, one.adapter) for one in made}
    assert {("dft", "aligner"), ("sft", "lora"), ("dpo", "lora"), ("dft", "full")} <= kept
    assert sum(one.settings["placebo"] == "permuted" for one in made) == 1
