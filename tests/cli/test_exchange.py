"""``diagnose export`` and ``diagnose import`` as a person types them."""

import json
import os
import re
import shlex
import time
from pathlib import Path

import pytest

from diagnose.cli import export, main
from diagnose.cli.main import COMMANDS
from diagnose.env.circuit import Circuit, load_circuit
from diagnose.env.exchange import FORMATS, WIDEST, export_device
from tests.env.circuits import circuit

DOCS = (Path(__file__).parents[2] / "docs" / "devices.md").read_text(encoding="utf-8")


@pytest.fixture
def gold(tmp_path, capsys):
    assert main(["gold", "C-L3"]) == 0
    path = tmp_path / "C-L3.json"
    path.write_text(capsys.readouterr().out)
    return path


def test_every_command_is_a_module():
    assert {"export", "import"} <= set(COMMANDS)
    assert tuple(FORMATS) == export.FORMATS


@pytest.mark.parametrize("to", list(FORMATS))
def test_there_and_back(gold, tmp_path, capsys, to):
    assert main(["export", str(gold), "--to", to]) == 0
    out = Path(capsys.readouterr().out.strip())
    assert out.parent == tmp_path
    assert out.name == ("c-l3.nbt" if to == "structure" else f"C-L3.{to}")
    again = tmp_path / "again.json"
    assert main(["import", str(out), "-o", str(again)]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (f"{again}\n", "")
    assert json.loads(again.read_text()) == json.loads(gold.read_text())
    assert main(["verify", str(again), "--task", "C-L3"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["C-L3.json", out.name, "again.json"]
    )


def test_a_name_we_made_up_is_never_overwritten(gold, tmp_path, capsys):
    theirs = tmp_path / "C-L3.schem"
    theirs.write_text("theirs")
    assert main(["export", str(gold), "--to", "schem"]) == 2
    assert "name it with -o" in capsys.readouterr().err
    assert theirs.read_text() == "theirs"
    assert main(["export", str(gold), "--to", "schem", "-o", str(theirs)]) == 0
    assert main(["import", str(theirs)]) == 2  # C-L3.json is there
    assert "C-L3.json" in capsys.readouterr().err.splitlines()[-1]


def test_a_link_is_written_through_and_a_device_is_not_a_file(gold, tmp_path, capsys):
    target, link = tmp_path / "target.schem", tmp_path / "link.schem"
    target.write_text("old")
    link.symlink_to(target)
    assert main(["export", str(gold), "--to", "schem", "-o", str(link)]) == 0
    assert link.is_symlink()
    assert target.read_bytes()[:2] == b"\x1f\x8b"
    for place in (os.devnull, str(tmp_path)):
        assert main(["export", str(gold), "--to", "schem", "-o", place]) == 2
        assert "is no file" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_one_message(gold, tmp_path, capsys):
    assert main(["export", str(gold), "--to", "schem", "-o", str(tmp_path / "no" / "a.schem")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert main(["import", str(tmp_path / "none.schem")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_several_buttons_want_a_name(tmp_path, capsys):
    button = "stone_button[face=floor]"
    device = circuit((3, 1, 3, button), (3, 1, 4, "redstone_lamp"), (3, 1, 5, button))
    path = tmp_path / "two.schem"
    path.write_bytes(export_device(device, "schem"))
    out = tmp_path / "two.json"
    assert main(["import", str(path), "--press", "3,1,5", "-o", str(out)]) == 0
    assert load_circuit(out, WIDEST) == Circuit(device.blocks, (3, 1, 5))
    for text, words in (("3,1", "write x,y,z"), ("9,9,9", "3,1,3, 3,1,5")):
        assert main(["import", str(path), "--press", text, "-o", str(out)]) == 2
        assert words in capsys.readouterr().err


@pytest.mark.parametrize("to", list(FORMATS))
def test_the_largest_device_is_written_within_a_second(tmp_path, to, capsys):
    assert main(["gold", "D-L5"]) == 0
    path = tmp_path / "device.json"
    path.write_text(capsys.readouterr().out)
    began = time.process_time()
    assert main(["export", str(path), "--to", to]) == 0
    assert time.process_time() - began < 1


def test_the_commands_of_the_page_work(tmp_path, monkeypatch, capsys):
    assert main(["gold", "C-L1"]) == 0
    (tmp_path / "device.json").write_text(capsys.readouterr().out)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```bash\n(.*?)```", DOCS, flags=re.DOTALL)
    lines = [line.split("  #")[0] for block in blocks for line in block.splitlines()]
    assert len(lines) == 5
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == ".venv/bin/diagnose"
        assert main(arguments) == 0, line
