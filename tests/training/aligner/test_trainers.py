"""The three trainers take the configuration as they take LoRA's, and train the adapter alone."""

import math

import pytest
import torch
from datasets import Dataset
from peft import PeftModel
from tokenizers import Tokenizer, models, pre_tokenizers
from torch.nn import functional
from transformers import PreTrainedTokenizerFast, Trainer, TrainingArguments
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from diagnose.training.aligner import AlignerConfig
from tests.training.aligner.tiny import VOCABULARY, adapted, answered, base, words

STEPS = 3


@pytest.fixture(scope="module")
def tokenizer():
    every = {"<pad>": 0, "<s>": 1, "</s>": 2} | {f"w{at}": at for at in range(3, VOCABULARY)}
    plain = Tokenizer(models.WordLevel(every, unk_token="<pad>"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )


def text(tokens):
    return " ".join(f"w{at}" for at in tokens.tolist())


def settings(kind, folder, **more):
    common = {
        "output_dir": str(folder),
        "max_steps": STEPS,
        "per_device_train_batch_size": 2,
        "learning_rate": 0.05,
        "lr_scheduler_type": "constant",
        "report_to": [],
        "disable_tqdm": True,
        "logging_steps": 1,
        "save_strategy": "no",
        "use_cpu": True,
        "bf16": False,
        "seed": 3,
        "dataloader_pin_memory": False,
    }
    return kind(**(common | more))


def weights(model):
    return {name: one.detach().clone() for name, one in model.named_parameters()}


def trained_alone(before, model):
    """Hold that the adapter was trained, all of it, and nothing else."""
    after = weights(model)
    assert after.keys() == before.keys()
    changed = {name for name, one in after.items() if not torch.equal(one, before[name])}
    assert changed == {name for name in after if "aligner_" in name}
    assert all(after[name].all() for name in changed)


@pytest.mark.parametrize(("loss", "checkpointing"), [("nll", False), ("dft", True)])
def test_supervised(family, tmp_path, tokenizer, loss, checkpointing):
    rows = Dataset.from_list([{"text": text(one)} for one in words(8, 12)])
    trainer = SFTTrainer(
        base(family),
        args=settings(
            SFTConfig, tmp_path, loss_type=loss, gradient_checkpointing=checkpointing, max_length=16
        ),
        train_dataset=rows,
        processing_class=tokenizer,
        peft_config=AlignerConfig(num_tokens=2),
    )
    before = weights(trainer.model)
    trainer.train()
    trained_alone(before, trainer.model)
    trainer.save_model(str(tmp_path))
    again = PeftModel.from_pretrained(base(family), tmp_path)
    assert torch.equal(answered(again, words()), answered(trainer.model.eval(), words()))


@pytest.mark.parametrize("tokens", [1, 2])
def test_preference_begins_at_the_base_and_learns(family, tmp_path, tokenizer, tokens):
    rows = [
        {"prompt": text(one[:4]), "chosen": " " + text(one[4:8]), "rejected": " " + text(one[8:])}
        for one in words(4, 12)
    ]
    trainer = DPOTrainer(
        base(family),
        args=settings(
            DPOConfig, tmp_path, beta=0.5, max_length=32, per_device_train_batch_size=4, max_steps=6
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=AlignerConfig(num_tokens=tokens),
    )
    assert trainer.ref_model is None
    before = weights(trainer.model)
    trainer.train()
    trained_alone(before, trainer.model)
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    # With closed gates the model is its own reference: the loss is log 2.
    assert losses[0] == pytest.approx(math.log(2), abs=1e-4)
    assert losses[-1] < 0.9 * losses[0]


def test_preference_from_a_trained_adapter_refers_to_that_adapter(tmp_path, tokenizer):
    """TRL copies the adapter into one called ``ref`` by the names of its parameters."""
    model = adapted(base("llama"))
    rows = [
        {"prompt": text(one[:4]), "chosen": " " + text(one[4:8]), "rejected": " " + text(one[8:])}
        for one in words(4, 12)
    ]
    trainer = DPOTrainer(
        model,
        args=settings(DPOConfig, tmp_path, max_length=32, max_steps=1),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    by_name = weights(trainer.model)
    copied = [name for name in by_name if ".ref." in name]
    assert len(copied) == 3
    for name in copied:
        assert torch.equal(by_name[name], by_name[name.replace(".ref.", ".default.")])
    trainer.train()
    assert trainer.state.log_history[0]["loss"] == pytest.approx(math.log(2), abs=1e-4)


@pytest.mark.parametrize("family", ["llama", "gemma3"], indirect=True)
def test_plain_trainer_stops_and_goes_on(family, tmp_path):
    rows = [{"input_ids": one, "labels": one} for one in words(8, 12)]

    def trainer(folder, model, **more):
        args = settings(TrainingArguments, folder, save_strategy="steps", save_steps=1, **more)
        return Trainer(model, args=args, train_dataset=rows)

    whole = trainer(tmp_path / "whole", adapted(base(family), opened=False))
    whole.train()
    trainer(tmp_path / "part", adapted(base(family), opened=False), max_steps=2).train()
    again = trainer(tmp_path / "part", adapted(base(family), opened=False))
    again.train(resume_from_checkpoint=str(tmp_path / "part" / "checkpoint-2"))
    assert again.state.global_step == STEPS
    for name, one in weights(whole.model).items():
        assert torch.allclose(one, weights(again.model)[name], atol=1e-6), name


def test_by_hand_a_step_is_a_step_of_the_formula():
    """One step of gradient descent on the logits' loss, against the derivative along it."""
    model = adapted(base("qwen3")).double()
    trained = [one for one in model.parameters() if one.requires_grad]

    def loss():
        logits = model(input_ids=words()).logits[:, :-1]
        return functional.cross_entropy(logits.flatten(0, 1), words()[:, 1:].flatten())

    start = loss()
    start.backward()
    square = sum(float(one.grad.pow(2).sum()) for one in trained)
    rate = 1e-4
    with torch.no_grad():
        for one in trained:
            one.sub_(rate * one.grad)
        fallen = float(start - loss())
    assert fallen == pytest.approx(rate * square, rel=0.02)
