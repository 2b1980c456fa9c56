"""Weights as a subject where PyTorch is not installed: composed, planned, and refused by name."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from diagnose.cli.configure import configured
from diagnose.cli.main import main
from diagnose.errors import ConfigError
from diagnose.models import Call, Message
from diagnose.models.local import Local
from diagnose.weights import applied_by, weights_sha256


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a model's folder holds, as far as it is looked at before anything is loaded."""
    (tmp_path / "config.json").write_text('{"model_type": "llama", "_name_or_path": "here"}')
    (tmp_path / "model.safetensors").write_bytes(b"tensors")
    return tmp_path


def test_a_study_composes_and_its_first_call_names_the_extra(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = configured(["subject=local", f"subject.model={folder}"])
    assert str(folder) not in json.dumps(study.header["shared"])
    if find_spec("torch") is None:  # what it does with the extra, tests/training tells
        with pytest.raises(ConfigError, match=r"pip install -e \"\.\[train\]\""):
            Local(model=str(folder)).reply([Message("user", "a")], Call((0,), 0))
        assert main(["serve", str(folder)]) == 2
        assert 'pip install -e ".[train]"' in capsys.readouterr().err


def test_the_hash_is_of_what_determines_answers(folder: Path) -> None:
    first = weights_sha256("model", str(folder))
    (folder / "config.json").write_text('{"_name_or_path": "there", "model_type": "llama"}')
    (folder / "README.md").write_text("A model.")
    assert weights_sha256("model", str(folder)) == first
    for name, text in (("tokenizer.json", "{}"), ("model.safetensors", "others")):
        (folder / name).write_text(text)
        other = weights_sha256("model", str(folder))
        assert other != first
        first = other


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (None, "treatment.json"),
        ("{", "JSON"),
        ("[]", "object"),
        ('{"objective": 3}', "objective"),
        ('{"objective": "dft", "adapter": "lora", "examples": -1}', "examples"),
        ('{"objective": "dft", "adapter": "lora", "examples": true}', "examples"),
    ],
)
def test_a_treatment_that_does_not_say_how_it_was_made_is_refused(
    folder: Path, said: str | None, told: str
) -> None:
    if said is not None:
        (folder / "treatment.json").write_text(said)
    with pytest.raises(ConfigError, match=told):
        applied_by("treatments", str(folder))
