"""The reference objectives against TRL's own losses, through its trainer and its gradients."""

import pytest
import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

from diagnose.training import objectives
from diagnose.training.quiet import quiet
from diagnose.training.statistics import Reference
from diagnose.training.weighted import WeightedTrainer

OPTIONS = {"power": {"alpha": 0.5}, "asft": {"weight": 0.3}}
NAMES = ("nll", "dft", "dft_sequence", "dft_geometric", "power", "asft")


def rows(count=6):
    generator = torch.Generator().manual_seed(5)
    made = []
    for n in range(count):
        ids = torch.randint(4, 60, (5 + n % 3,), generator=generator).tolist()
        made.append({"input_ids": ids, "labels": [-100] * (2 + n % 2) + ids[2 + n % 2 :]})
    return made


def gradients(build, tokenizer, place, name, micro, own=None, **more):
    """The gradient of one step, caught before the optimiser takes it: loss, and by parameter."""
    model = build("llama", seed=2)
    seen = {}

    args = SFTConfig(
        output_dir=str(place), per_device_train_batch_size=micro,
        gradient_accumulation_steps=6 // micro, max_steps=1, learning_rate=0.0, max_grad_norm=1e9,
        activation_checkpointing=False, bf16=False, use_cpu=True, report_to="none",
        disable_tqdm=True, max_length=None, logging_steps=1, save_strategy="no",
        loss_type=name if own is None else "nll", **more,
    )  # fmt: skip
    given = {"model": model, "args": args, "processing_class": tokenizer}
    given["train_dataset"] = Dataset.from_list(rows())
    with quiet():
        if own is None:
            trainer = SFTTrainer(**given)
        else:
            trainer = WeightedTrainer(**given, objective=name, options=dict(OPTIONS.get(name, {})))
            trainer.reference = Reference(model, build("llama", seed=9))

        class Catch(TrainerCallback):
            def on_pre_optimizer_step(self, *args, **kwargs):
                seen.update({n: p.grad.clone() for n, p in model.named_parameters()})

        trainer.add_callback(Catch())
        trainer.train()
    return trainer.state.log_history[0]["loss"], seen


def reference(build, tokenizer, name):
    """The same by the reference alone, on one right-padded batch."""
    model, base = build("llama", seed=2), build("llama", seed=9)
    every = rows()
    width = max(len(one["input_ids"]) for one in every)
    pad = tokenizer.pad_token_id
    fill = lambda ids, value: ids + [value] * (width - len(ids))  # noqa: E731
    given = {
        "input_ids": torch.tensor([fill(one["input_ids"], pad) for one in every]),
        "attention_mask": torch.tensor([fill([1] * len(one["input_ids"]), 0) for one in every]),
    }
    labels = torch.tensor([fill(one["labels"], -100) for one in every])
    with torch.no_grad():
        said = base(**given).logits
    options = OPTIONS.get(name, {})
    loss = objectives.loss(name, model(**given).logits, labels, base_logits=said, **options)
    loss.backward()
    return loss.item(), {n: p.grad for n, p in model.named_parameters()}


def same(found, wanted):
    assert found[0] == pytest.approx(wanted[0], abs=1e-6)
    assert found[1].keys() == wanted[1].keys()
    for name in wanted[1]:
        torch.testing.assert_close(found[1][name], wanted[1][name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("micro", [6, 2])
@pytest.mark.parametrize("name", ["nll", "dft"])
def test_trl_s_own_losses_are_the_reference(name, micro, tiny_model, tiny_tokenizer, tmp_path):
    found = gradients(tiny_model, tiny_tokenizer, tmp_path, name, micro)
    same(found, reference(tiny_model, tiny_tokenizer, name))


@pytest.mark.parametrize("micro", [6, 2])
@pytest.mark.parametrize("name", NAMES[1:])
def test_the_reweighted_trainer_s_are_too(name, micro, tiny_model, tiny_tokenizer, tmp_path):
    found = gradients(tiny_model, tiny_tokenizer, tmp_path, name, micro, own=True)
    same(found, reference(tiny_model, tiny_tokenizer, name))


def test_trl_takes_label_smoothing_with_dft_and_ignores_it(tiny_model, tiny_tokenizer, tmp_path):
    """Why the settings refuse it: the day TRL heeds or refuses it, this test says so."""
    plain = gradients(tiny_model, tiny_tokenizer, tmp_path, "dft", 6)
    smoothed = gradients(tiny_model, tiny_tokenizer, tmp_path, "dft", 6, label_smoothing_factor=0.5)
    same(smoothed, plain)
