"""A base in a GGUF file without a chat template: read exactly, asked, trained, told apart."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers.processors import TemplateProcessing

from diagnose.cli.configure import configured
from diagnose.errors import ConfigError
from diagnose.models import Call, Message
from diagnose.models.local import Local
from diagnose.models.local.loading import model_of, tokenizer_of
from diagnose.templates import BEGUN, PLAIN, lay_out
from diagnose.training.loading import load_tokenizer
from diagnose.training.settings import TrainSettings
from diagnose.training.trainer import train
from tests.training.gguf_file import write_gguf
from tests.training.making import example, folder

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
CALL = Call((0, "A-L1", 0), 0, "episode")
ASKED = [Message("system", "Build."), Message("user", "Light the lamp.")]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    place = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    return place, write_gguf(place)


def answered(place: Path, **settings: Any) -> str:
    told = {"batch": 1, "temperature": 0.0, "max_new_tokens": 8, "template": "plain"}
    return Local(model=str(place), **{**told, **settings}).reply(ASKED, CALL).text


def test_the_model_read_is_the_model_written(bare: tuple[Path, Any]) -> None:
    place, written = bare
    ids = torch.arange(3, 40)[None]
    with torch.no_grad():
        assert torch.equal(model_of(str(place), "float32", "cpu")(ids).logits, written(ids).logits)
    read = tokenizer_of(str(place), "plain")
    assert read.decode(read("light the lamp")["input_ids"]) == "light the lamp"
    assert len(read("lamp")["input_ids"]) == 3  # la, m, p: its merge was read too


def test_a_base_without_a_template_is_refused_and_told_what_to_give(
    bare: tuple[Path, Any], tmp_path: Path
) -> None:
    place, _ = bare
    with pytest.raises(ConfigError, match=r"subject\.template=plain"):
        answered(place, template="own")
    with pytest.raises(ConfigError, match="template=plain"):
        load_tokenizer(place, "own")
    with pytest.raises(ConfigError, match=r"subject\.template.*can be read"):
        Local(model=str(place), template=str(tmp_path / "none.jinja"))


def test_a_template_is_part_of_what_answers(bare: tuple[Path, Any], tmp_path: Path) -> None:
    """Plain, the same text in a file, and the file's own: one identity for each text."""
    place, written = bare
    same, other = tmp_path / "same.jinja", tmp_path / "other.jinja"
    same.write_text(PLAIN)
    other.write_text("{{ messages[-1]['content'] }}")
    own = tmp_path / "own.gguf"
    write_gguf(own, PLAIN)
    by = {
        template: Local(model=str(place), template=str(template))
        for template in ("plain", same, other)
    }
    requests = {template: one.request(ASKED, CALL)["model"] for template, one in by.items()}
    assert requests["plain"] == requests[same] != requests[other]
    assert by["plain"].identity == by[same].identity != by[other].identity
    assert "template_sha256" not in Local(model=str(own)).identity
    assert answered(place) == answered(place, template=str(same)) == answered(own, template="own")
    read = tokenizer_of(str(place), "plain")
    shown = "### system\nBuild.\n### user\nLight the lamp.\n### assistant\n"
    ids = torch.tensor([read(shown)["input_ids"]])
    made = written.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=8, eos_token_id=2
    )
    text = read.decode(made[0, ids.shape[1] :], skip_special_tokens=True)
    assert answered(place) == text


def test_a_tokeniser_that_begins_every_text_begins_the_plain_template(
    tiny_tokenizer: Any,
) -> None:
    one = copy.deepcopy(tiny_tokenizer)
    lay_out(one, "template", "plain")
    assert one.chat_template == PLAIN
    one.bos_token = "<unk>"
    lay_out(one, "template", "plain")
    assert one.chat_template == PLAIN  # it has such a token and does not set it
    one.backend_tokenizer.post_processor = TemplateProcessing(
        single="<unk> $A", special_tokens=[("<unk>", one.bos_token_id)]
    )
    lay_out(one, "template", "plain")
    assert one.chat_template == BEGUN + PLAIN
    shown = one.apply_chat_template([{"role": "user", "content": "lamp"}], tokenize=False)
    assert shown == "<unk>### user\nlamp\n"


@pytest.mark.parametrize("adapter", ["lora", "aligner"])
def test_a_gguf_file_is_trained_and_answers_with_its_adapter(
    adapter: str, bare: tuple[Path, Any], tmp_path: Path
) -> None:
    place, _ = bare
    data = folder(tmp_path / "data", [example(n) for n in range(8)])
    given = {"num_tokens": 2, "first_layer": 0} if adapter == "aligner" else {}
    made = train(
        TrainSettings(
            base=str(place), data=data, out=str(tmp_path / "out"), objective="sft",
            adapter=adapter, adapter_settings=given, steps=6, learning_rate=0.1,
            template="plain", device="cpu", measure_times=1,
        )
    )  # fmt: skip
    assert made.metrics["train"]["after"]["nll"] < made.metrics["train"]["before"]["nll"]
    assert answered(place, adapter=str(tmp_path / "out")) != answered(place)
    other = tmp_path / "other.gguf"
    other.write_bytes(place.read_bytes() + b"\0")
    with pytest.raises(ConfigError, match="another model"):
        Local(model=str(other), adapter=str(tmp_path / "out"))


def test_what_is_no_gguf_is_refused(tmp_path: Path) -> None:
    torn = tmp_path / "torn.gguf"
    torn.write_bytes(b"GGUF")
    with pytest.raises(ConfigError, match="can be read"):
        answered(torn)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_tokenizer(torn, "plain")


def test_a_study_takes_the_file(bare: tuple[Path, Any]) -> None:
    study = configured(["subject=local", f"subject.model={bare[0]}", "subject.template=plain"])
    told = study.header["shared"]["subject"]
    assert "template_sha256" in told
    assert str(bare[0]) not in str(told)
