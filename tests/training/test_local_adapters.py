"""Every kind of adapter through ``subject=local``: it answers as PEFT and transformers alone do."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from diagnose.errors import ConfigError
from diagnose.models import Call, Message
from diagnose.models.local import Local
from diagnose.models.local.engine import Engine, Job
from diagnose.models.local.sampling import Sampler
from diagnose.models.local.settings import Settings
from tests.training.weights import METHODS, write_adapter, write_model

# PEFT asks transformers for a name that is to go.
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
CALL = Call((0, "A-L1", 0), 0, "episode")
LONG = "Light the lamp by the lever, and then the other one. " * 4  # of several chunks
ASKED = [
    [Message("user", "Light the lamp.")],
    [Message("system", "Build."), Message("user", LONG)],
    [Message("system", "Build."), Message("user", LONG), Message("assistant", "Built."),
     Message("user", "Once more.")],
]  # fmt: skip
MOST = 24  # tokens of an answer


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("gemma"), "gemma3")


@pytest.fixture(scope="module", params=list(METHODS))
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory, base: Path, method: str) -> Path:
    return write_adapter(tmp_path_factory.mktemp(method), base, trained=True, method=method)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory, base: Path, method: str) -> Path:
    return write_adapter(tmp_path_factory.mktemp("still"), base, trained=False, method=method)


def subject(base: Path, **given: Any) -> Local:
    return Local(
        model=str(base), temperature=0.0, max_new_tokens=MOST, dtype="float64", batch=4, **given
    )


def answers(who: Local) -> list[str]:
    return [who.reply(asked, CALL).text for asked in ASKED]


def generated(base: Path, adapter: Path | None) -> list[str]:
    """The answers of the model by itself: nothing of this project but an Aligner's layers."""
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float64)
    tokenizer = AutoTokenizer.from_pretrained(base)
    if adapter:
        model = PeftModel.from_pretrained(model, adapter)
    found = []
    for asked in ASKED:
        read = tokenizer.apply_chat_template(
            [{"role": one.role, "content": one.content} for one in asked],
            add_generation_prompt=True,
            return_dict=True,
            return_tensors="pt",
        )
        made = model.generate(**read, do_sample=False, max_new_tokens=MOST)
        after = read["input_ids"].shape[1]
        found.append(tokenizer.decode(made[0, after:], skip_special_tokens=True))
    return found


def test_a_subject_s_own_adapter_answers_as_generate_does(base: Path, adapter: Path) -> None:
    own = answers(subject(base, adapter=str(adapter)))
    assert own == generated(base, adapter)
    untreated = generated(base, None)
    assert all(one != other for one, other in zip(own, untreated, strict=True))


def test_weights_are_switched_call_by_call(base: Path, adapter: Path, still: Path) -> None:
    bare = subject(base)
    treated, sham = bare.treated(str(adapter)), bare.treated(str(still))
    own, changed = generated(base, None), generated(base, adapter)
    for who, wanted in (
        (bare, own),
        (treated, changed),
        (sham, own),
        (treated, changed),
        (bare, own),
    ):
        assert answers(who) == wanted
    for asked, before, after in zip(ASKED, own, changed, strict=True):  # in the midst of others
        assert bare.reply(asked, CALL).text == before
        assert treated.reply(asked, CALL).text == after


def test_an_answer_by_an_adapter_is_the_same_alone_and_beside_any_others(
    base: Path, adapter: Path
) -> None:
    draw = random.Random(0)
    asked = [[draw.randrange(3, 250) for _ in range(length)] for length in (5, 64, 65, 250, 300)]

    def jobs(folder: Path | None) -> list[Job]:
        at = str(folder or "")
        return [Job(ids, at, Sampler(1.0, 0.95, n), 12) for n, ids in enumerate(asked)]

    engine = Engine(Settings(str(base), batch=4))

    def written(some: list[Job]) -> list[list[int]]:
        for job in some:
            engine.submit(job)
        return [job.done.result(120).made for job in some]

    alone = [written([job])[0] for job in jobs(adapter)]
    mixed = [one for both in zip(jobs(adapter), jobs(None), strict=True) for one in both]
    beside = written(mixed)
    assert beside[::2] == alone != beside[1::2]
    engine.close()


def test_an_adapter_for_another_width_or_without_a_tensor_is_refused(
    base: Path, method: str, tmp_path: Path
) -> None:
    wide = write_model(tmp_path / "wide", width=48)
    other = write_adapter(tmp_path / "other", wide, trained=True, method=method)
    torn = write_adapter(tmp_path / "torn", base, trained=True, method=method)
    (other / "treatment.json").unlink()  # nothing says whose it is: its shapes do
    tensors = load_file(torn / "adapter_model.safetensors")
    del tensors[max(tensors)]
    save_file(tensors, torn / "adapter_model.safetensors")
    for folder, told in ((other, "size mismatch|hidden_size"), (torn, "lacks|missing")):
        with pytest.raises(ConfigError, match=f"does not fit.*({told})"):
            subject(base, adapter=str(folder)).reply(ASKED[0], CALL)


def test_llama_adapters_are_for_the_architectures_that_peft_has_them_for(
    base: Path, gemma: Path, tmp_path: Path
) -> None:
    folder = write_adapter(tmp_path / "a", base, trained=True, method="llama_adapter")
    (folder / "treatment.json").unlink()
    with pytest.raises(ConfigError, match=r"does not fit.*gemma3_text"):
        subject(gemma, adapter=str(folder)).reply(ASKED[0], CALL)


def test_another_method_is_refused_by_its_name(base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "a", base, trained=True)
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "peft_type": "PREFIX_TUNING"}))
    with pytest.raises(ConfigError, match="PREFIX_TUNING; LORA, ALIGNER, ADAPTION_PROMPT"):
        subject(base, adapter=str(folder)).reply(ASKED[0], CALL)
