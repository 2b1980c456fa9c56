"""Weights on this machine as a subject: exact beside any others, refused where they cannot be."""

import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from diagnose.errors import ConfigError, NoReplyError
from diagnose.models import Call, Caps, Message, Served, Tool
from diagnose.models.local import Local
from diagnose.models.local.engine import Engine, Job
from diagnose.models.local.memory import CHUNK, SHORTEST_ROOM
from diagnose.models.local.sampling import Sampler
from diagnose.models.local.service import opened
from diagnose.models.local.settings import Settings
from diagnose.weights import Treatable, weights_sha256
from tests.training.weights import write_adapter, write_model

# PEFT asks transformers for a name that is to go.
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
CALL = Call((0, "A-L1", 0), 0, "episode")
ASKED = [Message("system", "Build."), Message("user", "Light the lamp.")]


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="session")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("gemma"), "gemma3")


@pytest.fixture(scope="session")
def treated(tmp_path_factory: pytest.TempPathFactory, llama: Path) -> Path:
    return write_adapter(tmp_path_factory.mktemp("treated"), llama, trained=True)


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory, llama: Path) -> Path:
    return write_adapter(tmp_path_factory.mktemp("untrained"), llama, trained=False)


@pytest.fixture(scope="session")
def engine(llama: Path) -> Engine:
    return Engine(Settings(str(llama), batch=8))


def prompts(count: int) -> list[list[int]]:
    """Prompts that begin alike and differ in length, some at the edges of chunks and rooms."""
    draw = random.Random(0)
    lengths = [1, CHUNK - 1, CHUNK, CHUNK + 1, SHORTEST_ROOM - 4, SHORTEST_ROOM, 2 * CHUNK + 5]
    shared = [draw.randrange(3, 250) for _ in range(2 * CHUNK)]
    made = []
    for at in range(count):
        length = lengths[at % len(lengths)]
        rest = [draw.randrange(3, 250) for _ in range(length)]
        made.append((shared + rest)[:length] if at % 2 else rest)
    return made


def written(engine: Engine, asked: Sequence[Job]) -> list[list[int]]:
    for job in asked:
        engine.submit(job)
    return [job.done.result(120).made for job in asked]


def jobs(folder: str = "", count: int = 14, most: int = 24) -> list[Job]:
    return [
        Job(ids, folder, Sampler(1.0, 0.95, seed), most) for seed, ids in enumerate(prompts(count))
    ]


@pytest.mark.parametrize("kind", ["llama", "gemma"])
def test_an_answer_is_the_same_alone_and_beside_any_others(
    kind: str, request: pytest.FixtureRequest
) -> None:
    engine = Engine(Settings(str(request.getfixturevalue(kind)), batch=8))
    assert engine.rows == 8  # this machine's arithmetic allows it
    alone = [written(engine, [job])[0] for job in jobs()]
    beside = written(engine, jobs())
    turned = written(engine, jobs()[::-1])[::-1]
    forgetful = Engine(Settings(str(request.getfixturevalue(kind)), batch=8, prefix_cache_mb=0))
    assert alone == beside == turned == written(forgetful, jobs())
    assert len({tuple(one) for one in alone}) == len(alone)  # and seeds and prompts do matter


@pytest.mark.parametrize("kind", ["llama", "gemma"])
def test_the_likeliest_tokens_are_those_that_transformers_generates(
    kind: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(kind)
    engine = Engine(Settings(str(folder), batch=4, dtype="float64"))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
    for ids in prompts(7):
        (own,) = written(engine, [Job(ids, "", Sampler(0.0, 1.0, 0), 20)])
        asked = torch.tensor([ids])
        made = model.generate(
            asked, attention_mask=torch.ones_like(asked), do_sample=False, max_new_tokens=20
        )[0, len(ids) :].tolist()
        assert own == [token for token in made if token != 2]


def test_an_adapter_answers_as_peft_does_and_the_base_stays_as_it_is(
    llama: Path, treated: Path, untrained: Path, engine: Engine
) -> None:
    from peft import PeftModel

    before = written(engine, jobs())
    changed, same = written(engine, jobs(str(treated))), written(engine, jobs(str(untrained)))
    assert same == before == written(engine, jobs())  # the sham changes nothing, bit by bit
    assert changed != before
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(llama), treated)
    ids = prompts(3)[2]
    (own,) = written(engine, [Job(ids, str(treated), Sampler(0.0, 1.0, 0), 12)])
    made = model.generate(
        input_ids=torch.tensor([ids]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        do_sample=False,
        max_new_tokens=12,
    )[0, len(ids) :].tolist()
    assert own == [token for token in made if token != 2]


def test_where_arithmetic_depends_on_the_row_answers_are_written_one_by_one(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diagnose.models.local.engine import Writer

    plain = Writer._logits

    def shaky(self: Writer, tokens, at, length, memory):  # type: ignore[no-untyped-def]
        found = plain(self, tokens, at, length, memory)
        return found + np.arange(len(found))[:, None] * 1e-7

    monkeypatch.setattr(Writer, "_logits", shaky)
    service = opened({"model": str(llama), "batch": 4}, None, vars(Caps()))
    assert service._engine.rows == 1
    assert "one by one" in service.summary()[1]


@given(st.lists(st.floats(-9, 9), min_size=2, max_size=40), st.integers(0, 2**31 - 1))
def test_a_draw_is_one_of_the_kept_and_follows_from_its_seed(odds: list[float], seed: int) -> None:
    logits = np.array(odds)
    one, other = Sampler(1.3, 0.7, seed), Sampler(1.3, 0.7, seed)
    shares = np.exp(logits / 1.3) / np.exp(logits / 1.3).sum()
    for _ in range(5):
        token = one.next(logits)
        assert token == other.next(logits)
        assert shares[shares > shares[token]].sum() <= 0.7 + 1e-9


def test_draws_have_the_shares_of_the_softmax() -> None:
    logits = np.log(np.array([0.5, 0.2, 0.2, 0.1]))
    sampler = Sampler(1.0, 1.0, 3)
    drawn = np.bincount([sampler.next(logits) for _ in range(4000)], minlength=4) / 4000
    assert drawn == pytest.approx([0.5, 0.2, 0.2, 0.1], abs=4 * (0.25 / 4000) ** 0.5)


def test_a_stop_text_ends_an_answer_and_is_left_out(llama: Path) -> None:
    plain = Local(model=str(llama), max_new_tokens=40, batch=4, temperature=1.0)
    whole = plain.reply(ASKED, CALL)
    stop = whole.text[10:12]
    cut = Local(model=str(llama), max_new_tokens=40, batch=4, temperature=1.0, stop=[stop])
    reply = cut.reply(ASKED, CALL)
    assert reply.text == whole.text[: whole.text.index(stop)]
    assert (whole.finish, reply.finish) == ("length", "stop")
    assert whole.usage.output_tokens == 40
    assert whole.usage.cost_usd == 0.0


def test_a_full_context_is_no_reply_and_a_nearly_full_one_a_short_answer(llama: Path) -> None:
    read = len(ASKED[0].content + ASKED[1].content) + len("system\nuser\nassistant\n") + 5
    for context, left in ((read + 3, 3), (read, 0)):
        subject = Local(model=str(llama), context=context, batch=1, temperature=1.0)
        if left:
            reply = subject.reply(ASKED, CALL)
            assert (reply.usage.input_tokens, reply.usage.output_tokens) == (read, left)
            assert reply.finish == "length"
        else:
            with pytest.raises(NoReplyError, match="context_window"):
                subject.reply(ASKED, CALL)


def test_content_is_identity_and_place_is_not(llama: Path, treated: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(llama, tmp_path / "moved")
    own, other = Local(model=str(llama)), Local(model=str(moved))
    assert isinstance(own, Served)
    assert isinstance(own, Treatable)
    assert own.identity == other.identity
    assert own.name == other.name
    request = own.treated(str(treated)).request(ASKED, CALL)
    assert own.treated(str(treated)).name == own.name  # the subject is who it was
    assert request["model"] == f"local+{own.identity['weights_sha256']}+" + weights_sha256(
        "", str(treated)
    )
    config = json.loads((moved / "config.json").read_text())
    (moved / "config.json").write_text(json.dumps({**config, "_name_or_path": "elsewhere"}))
    assert Local(model=str(moved)).identity == own.identity
    (moved / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 1e-3}))
    assert Local(model=str(moved)).identity != own.identity


def broken(folder: Path, how: str) -> None:
    match how:
        case "a pickle":
            (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
        case "no template":
            (folder / "chat_template.jinja").unlink()
        case "code":
            config = json.loads((folder / "config.json").read_text())
            config["auto_map"] = {"AutoModelForCausalLM": "own.Model"}
            (folder / "config.json").write_text(json.dumps(config))
        case "torn":
            whole = (folder / "model.safetensors").read_bytes()
            (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
        case "nothing":
            shutil.rmtree(folder)
        case _:
            (folder / "config.json").write_text("{")


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("a pickle", "safetensors"),
        ("no template", "chat template"),
        ("code", "never run"),
        ("torn", "no model can be read|tensors are broken"),
        ("nothing", "save_pretrained"),
        ("no JSON", "JSON"),
    ],
)
def test_what_cannot_be_read_is_refused(llama: Path, tmp_path: Path, how: str, told: str) -> None:
    folder = shutil.copytree(llama, tmp_path / "model")
    broken(folder, how)
    with pytest.raises(ConfigError, match=told):
        Local(model=str(folder), batch=1).reply(ASKED, CALL)


def test_an_adapter_for_another_model_is_refused(llama: Path, tmp_path: Path) -> None:
    wide = write_model(tmp_path / "wide", width=48)
    adapter = write_adapter(tmp_path / "adapter", wide, trained=False)
    with pytest.raises(ConfigError, match="another model"):
        Local(model=str(llama), adapter=str(adapter))
    (adapter / "treatment.json").unlink()  # nothing says whose it is: its shapes do
    with pytest.raises(ConfigError, match="does not fit"):
        Local(model=str(llama), adapter=str(adapter), batch=1).reply(ASKED, CALL)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -1), ("top_p", 0.0), ("top_p", 1.5), ("batch", 0), ("stop", "END"),
        ("dtype", "int8"), ("max_new_tokens", 0), ("threads", 1.5), ("temperature", float("nan")),
    ],
)  # fmt: skip
def test_settings_are_checked(llama: Path, field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=field):
        Local(model=str(llama), **{field: value})
    with pytest.raises(ConfigError, match="warmth"):
        Local(model=str(llama), warmth=1)


def test_native_tools_and_a_cap_in_dollars_are_refused(llama: Path) -> None:
    tool = Tool("run_python", "", {})
    with pytest.raises(ConfigError, match="protocol=text"):
        Local(model=str(llama)).request(ASKED, Call((0,), 0, tools=(tool,)))
    with pytest.raises(ConfigError, match=r"caps\.usd"):
        opened({"model": str(llama)}, None, vars(Caps(usd=1.0)))
