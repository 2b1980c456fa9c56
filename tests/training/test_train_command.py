"""``diagnose train``: its configurations, its table, and what it says without the extra."""

import json

import pytest
import yaml

from diagnose.cli.configure import CONF
from diagnose.cli.main import main
from diagnose.errors import ConfigError
from diagnose.training import extra
from diagnose.training.settings import ADAPTERS, OBJECTIVES, TrainSettings
from diagnose.training.treatment import Treatment
from tests.training.making import example, folder, saved

FILES = sorted(
    f"{group}={path.stem}"
    for group in ("objective", "adapter", "recipe")
    for path in (CONF / group).glob("*.yaml")
)


def composed(*overrides):
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=["data=d", *overrides])
    plain = OmegaConf.to_container(config, resolve=True)
    rates = plain.pop("grid")
    del plain["grid_metric"]
    plain.pop("recipe", None)
    return TrainSettings.of(plain), rates


@pytest.mark.parametrize("override", FILES)
def test_every_file_composes_into_settings(override):
    given = [] if override.startswith("recipe=") else ["base=b"]
    made, rates = composed(override, *given)
    group, _, name = override.partition("=")
    if group != "recipe":
        assert getattr(made, group) == name
    elif name.startswith("dft_"):
        assert (made.objective, made.adapter, made.batch_size) == ("dft", "full", 256)
        rate = 2e-5 if name == "dft_llama_3_1_8b" else 5e-5
        assert (made.learning_rate, made.epochs, made.warmup) == (rate, 1.0, 0.1)
    elif name == "offline_dpo":
        assert (made.learning_rate, made.batch_size, made.warmup) == (1e-6, 128, 0.05)
    elif name.startswith("aligner_"):
        assert (made.adapter, dict(made.adapter_settings)["num_tokens"]) == ("aligner", 1)
        assert len(rates) == 3
    assert composed(override, *given, "objective=sft")[0].objective == "sft"


def test_every_objective_and_adapter_has_its_file_with_the_same_defaults():
    for group, known in (("objective", OBJECTIVES), ("adapter", ADAPTERS)):
        files = {path.stem: yaml.safe_load(path.read_text()) for path in (CONF / group).iterdir()}
        for name, held in files.items():
            assert held.pop("name") == name
        assert files == {name: dict(options) for name, options in known.items()}


@pytest.fixture
def at_home(tmp_path, tiny_model, tiny_tokenizer, monkeypatch):
    saved(tiny_model("llama"), tiny_tokenizer, tmp_path / "base")
    rows = [example(n) for n in range(8)] + [example(n, "validation") for n in range(8, 12)]
    folder(tmp_path / "data", rows)
    monkeypatch.chdir(tmp_path)
    return tmp_path


COMMAND = ["train", "base=base", "data=data", "device=cpu", "steps=2", "measure_times=0"]


@pytest.mark.usefixtures("at_home")
def test_it_trains_and_ends_with_a_small_table(capsys):
    assert main([*COMMAND, "objective=dft", "adapter=aligner", "adapter.first_layer=0"]) == 0
    made = Treatment.read("treatments/dft-aligner-0")
    shown = capsys.readouterr()
    before, after = (made.metrics["validation"][when]["nll"] for when in ("before", "after"))
    (line,) = [one for one in shown.out.splitlines() if one.startswith("negative log")]
    assert line.split()[-3:] == [f"{before:.3f}", "→", f"{after:.3f}"]
    assert "dft by aligner: 40 parameters, 8 examples, 32 target tokens" in shown.out
    assert "step 2/2" in shown.err
    assert "left" in shown.err
    assert all(len(one) <= 100 for one in shown.out.splitlines())


def test_a_grid_ends_with_the_chosen_one(at_home, capsys):
    assert main([*COMMAND, "out=g", "grid=[1e-4,1e-2]", "adapter=full"]) == 0
    shown = capsys.readouterr().out
    chosen = json.loads((at_home / "g" / "grid.json").read_text())["chosen"]
    assert [one.split()[0] for one in shown.splitlines() if one.endswith("chosen")] == [chosen]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("objective=ppo", "choose one of asft, dft"),
        ("learning_rat=1", "did you mean learning_rate"),
        ("+objective.label_smoothing=0.1", "TRL would ignore it"),
        ("grid=[a]", "give learning rates"),
        ("kinds=[gold]", "may have no successes"),
    ],
)
@pytest.mark.usefixtures("at_home")
def test_a_wrong_word_is_one_message(given, said, capsys):
    assert main([*COMMAND, given]) == 2
    assert said in capsys.readouterr().err


def test_without_the_extra_it_names_the_line_that_installs_it(monkeypatch, capsys):
    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == "trl" else name)
    with pytest.raises(ConfigError, match=r'without trl.*pip install -e "\.\[train\]"'):
        extra.require_train()
    assert main(["train", "base=a", "data=b"]) == 2
    assert 'pip install -e ".[train]"' in capsys.readouterr().err
