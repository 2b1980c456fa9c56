"""The code on the method's page runs as it stands."""

import re
from pathlib import Path

import torch

from tests.training.aligner.test_checkpoints import released
from tests.training.aligner.tiny import base

PAGE = Path(__file__).parents[3] / "docs" / "aligner.md"


def test_the_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    base("llama").save_pretrained("base")
    torch.save(released(), "authors.pth")
    blocks = re.findall(r"^```py\n(.*?)^```", PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    exec(compile("\n".join(blocks), str(PAGE), "exec"), {})
    assert "[[ 5,  6,  7,  8, " in capsys.readouterr().out
    again = torch.load("again.pth", weights_only=True)
    assert all(torch.equal(again[name], one) for name, one in released().items())
