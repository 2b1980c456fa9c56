"""Training, end to end on a tiny model: what it leaves, that it resumes, and what it refuses."""

import hashlib
import json
import math
import pickle
import shutil
from dataclasses import replace

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from diagnose.errors import ConfigError, InputError
from diagnose.training import trainer as trainer_module
from diagnose.training.grid import grid
from diagnose.training.quiet import quiet
from diagnose.training.settings import ADAPTERS, OBJECTIVES, TrainSettings
from diagnose.training.trainer import train
from diagnose.training.treatment import Treatment, weights_sha256
from diagnose.training.watching import Watch
from tests.training.making import example, folder, pair, saved

DATA = [example(n) for n in range(20)] + [example(n, "validation") for n in range(20, 26)]
PAIRS = [pair(n) for n in range(8)] + [pair(n, "validation") for n in range(8, 11)]


@pytest.fixture(scope="session")
def home(tmp_path_factory, tiny_model, tiny_tokenizer):
    place = tmp_path_factory.mktemp("training")
    saved(tiny_model("llama", num_hidden_layers=3), tiny_tokenizer, place / "llama")
    saved(tiny_model("qwen2"), tiny_tokenizer, place / "qwen2")
    saved(tiny_model("llama", hidden_size=64, num_hidden_layers=3), tiny_tokenizer, place / "wide")
    folder(place / "data", DATA, PAIRS)
    return place


def settings(home, out, **given):
    values = {"steps": 4, "batch_size": 8, "micro_batch_size": 4, "learning_rate": 1e-2}
    values |= {"device": "cpu", "measure_times": 1, "objective": "dft", "adapter": "lora"}
    base, data = str(home / given.pop("base", "llama")), str(home / given.pop("data", "data"))
    return TrainSettings(base=base, data=data, out=str(out), **{**values, **given})


def weights(place):
    (file,) = place.glob("*.safetensors")
    return hashlib.sha256(file.read_bytes()).hexdigest()


# Every objective, and every adapter, once; dpo and asft where their base is a copy and where it is
# the model with its adapter off.
@pytest.mark.parametrize(
    ("objective", "adapter"),
    [
        ("sft", "full"),
        ("dft", "aligner"),
        ("dft_sequence", "full"),
        ("dft_geometric", "aligner"),
        ("power", "llama_adapter"),
        ("asft", "full"),
        ("asft", "aligner"),
        ("dpo", "full"),
        ("dpo", "aligner"),
        ("dft", "llama_adapter"),
        ("dpo", "lora"),
    ],
)
def test_every_objective_and_adapter_trains(objective, adapter, home, tmp_path):
    out = tmp_path / "out"
    made = train(settings(home, out, objective=objective, adapter=adapter))
    assert Treatment.read(out) == made
    assert made.base_sha256 == weights_sha256(home / "llama")
    assert made.settings["objective"] == objective
    before, after = (made.metrics["train"][when] for when in ("before", "after"))
    assert before["kl_to_base"] == 0
    assert after["kl_to_base"] > 0
    base = AutoModelForCausalLM.from_pretrained(home / "llama")
    if adapter == "full":
        loaded = AutoModelForCausalLM.from_pretrained(out)
        trained = sum(one.numel() for one in base.parameters())
    else:
        with quiet():
            loaded = PeftModel.from_pretrained(base, out)
        trained = sum(one.numel() for n, one in loaded.named_parameters() if _own(adapter, n))
    assert made.parameters == trained
    # What the log says of the validation split is what the checkpoint says.
    told = made.metrics["validation"]["after"]
    ours = by_hand(loaded.eval(), home, PAIRS if objective == "dpo" else DATA)
    assert told["tokens"] == len(ours)
    assert told["nll"] == pytest.approx(-sum(map(math.log, ours)) / len(ours), rel=1e-5)
    assert told["mean_token_probability"] == pytest.approx(sum(ours) / len(ours), rel=1e-5)
    assert told["share_below_0_1"] == sum(p < 0.1 for p in ours) / len(ours)
    lines = [json.loads(line) for line in (out / "training_log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line.get("split") == "train"] == [0, 2, 4]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4]
    assert not (out / "checkpoints").exists()


def _own(adapter, name):
    marks = {"lora": "lora_", "aligner": "aligner", "llama_adapter": "adaption_"}
    return marks[adapter] in name


def by_hand(model, home, rows):
    """The probabilities of the validation's targets: one conversation at a time, unpadded."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(home / "llama")
    found = []
    for row in rows:
        if row["split"] != "validation":
            continue
        messages = row.get("messages") or row["prompt"] + row["chosen"]
        text = tokenizer.apply_chat_template(messages, tokenize=False)
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            p = model(input_ids=ids).logits.softmax(-1)[0]
        answer = len(messages[-1]["content"].split()) + 1  # and the end of the turn
        places = range(ids.shape[1] - answer, ids.shape[1])
        found += [p[place - 1, ids[0, place]].item() for place in places]
    return found


@pytest.mark.parametrize("adapter", ["full", "lora", "aligner"])
def test_the_same_seed_gives_the_same_bytes_and_an_interruption_changes_nothing(
    adapter, home, tmp_path, monkeypatch
):
    options = {"dropout": 0.3} if adapter == "lora" else {}  # draws that a resumption must keep
    told = settings(
        home, tmp_path / "a", adapter=adapter, adapter_settings=options, steps=0, epochs=2.0,
        checkpoint_every=2,
    )  # fmt: skip
    train(told)
    resumed = replace(told, out=str(tmp_path / "b"))
    original = Watch.on_step_end

    def killed(self, args, state, control, **given):
        original(self, args, state, control, **given)
        if state.global_step == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Watch, "on_step_end", killed)
        with pytest.raises(KeyboardInterrupt):
            train(resumed)
    places = tmp_path / "b" / "checkpoints"
    assert [one.name for one in places.iterdir() if one.name.startswith("checkpoint")] == [
        "checkpoint-4"
    ]
    torn = places / "checkpoint-6"  # one whose writing was cut off
    shutil.copytree(places / "checkpoint-4", torn)
    (torn / "trainer_state.json").write_text('{"global_step": 6')
    said = []
    made = train(resumed, said.append)
    assert weights(tmp_path / "b") == weights(tmp_path / "a")
    log = "training_log.jsonl"
    assert (tmp_path / "b" / log).read_bytes() == (tmp_path / "a" / log).read_bytes()
    assert made.metrics == Treatment.read(tmp_path / "a").metrics
    assert said[-1].startswith("step 6/6")
    assert train(resumed) == made  # finished: nothing is trained again
    other = replace(told, out=str(tmp_path / "c"), seed=1)
    train(other)
    assert weights(tmp_path / "c") != weights(tmp_path / "a")


def test_training_goes_on_from_an_adapter_of_the_same_base(home, tmp_path):
    first = settings(home, tmp_path / "a")
    train(first)
    on = replace(first, out=str(tmp_path / "b"), start=first.out, objective="dpo")
    before = train(on).metrics["validation"]["before"]
    assert before["kl_to_base"] > 0
    for given, field in (
        ({"base": str(home / "wide")}, "start"),
        ({"adapter": "aligner", "adapter_settings": {}}, "start"),
        ({"adapter": "full", "adapter_settings": {}}, "start"),
    ):
        with pytest.raises(InputError) as caught:
            train(replace(on, out=str(tmp_path / "c"), **given))
        assert caught.value.field == field
    # Without its treatment, the shapes alone tell: an adapter for another width.
    (tmp_path / "a" / "treatment.json").unlink()
    with pytest.raises(InputError, match="of width 64"):
        train(replace(on, out=str(tmp_path / "c"), base=str(home / "wide")))
    # Or another tokeniser's.
    tokens = tmp_path / "a" / "tokenizer.json"
    tokens.write_text(tokens.read_text().replace('"lamp"', '"candle"'))
    with pytest.raises(InputError, match="its tokens are not the base's"):
        train(replace(on, out=str(tmp_path / "c")))
    assert not (tmp_path / "c").exists()


def test_a_grid_trains_each_rate_and_chooses_on_the_validation_split(home, tmp_path):
    told = settings(home, tmp_path / "grid", objective="sft")
    said = []
    tried = grid(told, [3e-2, 1e-4, 1e-3], "nll", said.append)
    scores = {
        name: made.metrics["validation"]["after"]["nll"] for name, made in tried.treatments.items()
    }
    assert list(scores) == ["lr-0.0001", "lr-0.001", "lr-0.03"]
    assert tried.chosen == min(scores, key=scores.get)
    written = json.loads((tmp_path / "grid" / "grid.json").read_text())
    assert {name: one["nll"] for name, one in written["tried"].items()} == scores
    data = folder(tmp_path / "data", DATA[:8])
    for rates, metric, given in (
        ([1e-3], "nll", {}),
        ([1e-3, 1e-3], "nll", {}),
        ([1e-3, 1e-2], "loss", {}),
        ([1e-3, 1e-2], "nll", {"measure_examples": 0}),
        ([1e-3, 1e-2], "nll", {"data": data}),
    ):
        with pytest.raises(InputError):
            grid(replace(told, out=str(tmp_path / "no"), **given), rates, metric, said.append)
    assert not (tmp_path / "no").exists()


class Evil:
    def __reduce__(self):
        return (print, ("run",))


def refusals(home, tmp_path, tiny_model, tiny_tokenizer):
    """Name, settings, and what the message says."""
    evil = tmp_path / "evil"
    shutil.copytree(home / "llama", evil)
    (evil / "model.safetensors").unlink()
    (evil / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))
    small = saved(tiny_model("llama", vocab_size=40), tiny_tokenizer, tmp_path / "small")
    foreign = [example(0)]
    foreign[0]["messages"][1]["content"] = "ein Lampe"
    long = [example(0), example(1)]
    long[1]["messages"][0]["content"] = "lamp " * 300
    bare = tmp_path / "bare"
    shutil.copytree(home / "llama", bare)
    (bare / "chat_template.jinja").unlink()
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("mine")
    gold = [example(n, kind="gold") for n in range(4)]
    write = lambda name, *rows: folder(tmp_path / name, *rows)  # noqa: E731
    return [
        ("pickle", {"base": str(evil)}, "needs more than tensors"),
        ("tokeniser of another model", {"base": str(small)}, "another model's"),
        ("words of another tokeniser", {"data": write("foreign", foreign)}, "another tokeniser's"),
        ("no examples", {"data": write("none", [])}, "no examples to train on"),
        ("no successes", {"data": write("gold", gold), "kinds": ("own",)}, "no successes"),
        ("no pairs", {"data": write("unpaired", DATA), "objective": "dpo"}, "no pairs"),
        ("too long", {"data": write("long", long)}, "1 of 2 longer than 256 tokens"),
        ("context", {"max_tokens": 300}, "the base takes 256"),
        ("no template", {"base": str(bare)}, "no chat template"),
        ("no base", {"base": str(tmp_path / "nowhere")}, "no such folder"),
        ("no data", {"data": str(tmp_path / "nowhere")}, "cannot be read"),
        ("architecture", {"base": "qwen2", "adapter": "llama_adapter"}, "PEFT has it for llama"),
        ("modules", {"adapter_settings": {"target_modules": ["qq"]}}, "no such module"),
        ("head", {"adapter_settings": {"target_modules": ["lm_head"]}}, "lm_head"),
        ("layers", {"adapter": "llama_adapter", "adapter_settings": {"layers": 9}}, "has 3"),
        ("start", {"start": str(tmp_path)}, "holds an adapter"),
        ("folder", {"out": str(other)}, "holds something else"),
        ("file", {"out": str(other / "file")}, "is a file"),
    ]


def test_whatever_is_wrong_is_said_before_training(home, tmp_path, tiny_model, tiny_tokenizer):
    for name, given, said in refusals(home, tmp_path, tiny_model, tiny_tokenizer):
        out = given.pop("out", tmp_path / "out")
        told = settings(home, out, **{"base": "llama", **given})
        with pytest.raises(InputError) as caught:
            train(told)
        assert said in str(caught.value), name
        assert not list((tmp_path / "out").glob("*.safetensors")), name


def test_overlong_conversations_are_dropped_or_cut_if_asked(home, tmp_path):
    long = [example(n) for n in range(4)]
    long[1]["messages"][0]["content"] = "lamp " * 300  # its answer is beyond the context
    long[2]["messages"][1]["content"] = "lamp " * 300
    data = folder(tmp_path / "long", long)
    counts = {}
    for overlong in ("drop", "truncate"):
        told = settings(home, tmp_path / overlong, overlong=overlong, steps=1)
        counts[overlong] = train(replace(told, data=data))
    assert (counts["drop"].examples, counts["drop"].tokens) == (2, 8)
    assert counts["truncate"].examples == 3
    question = len(long[2]["messages"][0]["content"].split()) + 5  # turns' marks and names
    assert counts["truncate"].tokens == 8 + 256 - question


def test_a_full_disk_is_noticed_before_it_is_full(home, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=100_000)
    monkeypatch.setattr(trainer_module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ConfigError, match="GB needed"):
        train(settings(home, tmp_path / "out", adapter="full", checkpoint_every=1))
    assert not (tmp_path / "out").exists()


def test_another_training_s_folder_is_left_alone(home, tmp_path):
    told = settings(home, tmp_path / "out", steps=1)
    train(told)
    held = weights(tmp_path / "out")
    with pytest.raises(ConfigError, match="other settings"):
        train(replace(told, learning_rate=1e-3))
    assert weights(tmp_path / "out") == held


def test_a_loss_that_is_no_number_stops_the_training(home, tmp_path):
    with pytest.raises(ConfigError, match="give less"):
        train(settings(home, tmp_path / "out", adapter="full", learning_rate=1e30, warmup=0.0))


def test_a_smaller_dose_is_the_beginning_of_a_larger_one(home, tmp_path):
    from diagnose.training.dataset import Dataset
    from diagnose.training.loading import load_tokenizer
    from diagnose.training.material import material

    data = Dataset.read(home / "data")
    tokenizer = load_tokenizer(home / "llama", "own")

    def dose(**given):
        return material(data, tokenizer, settings(home, tmp_path / "out", **given), 256).train

    whole = dose()
    assert len(whole) == 20
    assert dose(examples=5) == whole[:5]
    assert dose(tokens=24) == whole[:6]  # of four target tokens each
    assert dose(tokens=1) == whole[:1]
    assert sorted(dose(seed=1), key=hash) == sorted(whole, key=hash)
    assert dose(seed=1) != whole


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"objective": "ppo"}, "objective"),
        ({"adapter": "prefix"}, "adapter"),
        ({"objective_settings": {"label_smoothing": 0.1}}, "objective.label_smoothing"),
        ({"objective_settings": {"beta": 0.1}}, "objective.beta"),
        ({"adapter_settings": {"rank": 8}}, "adapter.rank"),
        ({"adapter_settings": {"r": 0}}, "adapter.r"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": "1e-4"}, "learning_rate"),
        ({"batch_size": 8, "micro_batch_size": 3}, "micro_batch_size"),
        ({"steps": True}, "steps"),
        ({"warmup": 1.0}, "warmup"),
        ({"kinds": ("mine",)}, "kinds"),
        ({"kinds": ()}, "kinds"),
        ({"dtype": "float16"}, "dtype"),
        ({"gradient_checkpointing": 1}, "gradient_checkpointing"),
        ({"base": ""}, "base"),
        ({"start": None}, "start"),
    ],
)
def test_settings_refuse_what_cannot_be_meant(given, field):
    with pytest.raises(ConfigError) as caught:
        TrainSettings(**{"base": "a", "data": "b", "out": "c", **given})
    assert caught.value.field == field


def test_settings_survive_their_own_json():
    for objective in OBJECTIVES:
        for adapter in ADAPTERS:
            made = TrainSettings("a", "b", "c", objective=objective, adapter=adapter)
            assert TrainSettings(**json.loads(json.dumps(made.plain()))).plain() == made.plain()
