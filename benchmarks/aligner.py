"""What a training step with an Aligner costs against one with LoRA, in time and in memory.

    PYTHONPATH=. .venv-train/bin/python benchmarks/aligner.py [rounds] [batch] [length]

One model of random weights is adapted in each way in turn, rounds alternate, and the medians over
rounds are compared. LoRA has rank 8 on the query and value projections, PEFT's own default. Memory
is what one step leaves alive for its backward pass: bytes of the tensors that autograd saves,
without the model's weights. Then one token is generated after another, with and without an adapter.
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from diagnose.training.aligner import AlignerConfig

WAYS: dict[str, Any] = {
    "LoRA, rank 8": LoraConfig(r=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"),
    "Aligner, 1 token": AlignerConfig(num_tokens=1),
    "Aligner, 10 tokens": AlignerConfig(num_tokens=10),
    "Aligner, 100 tokens": AlignerConfig(num_tokens=100),
}


def built() -> Any:
    """Return a model of 11 M parameters; the same weights each time."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=2048,
        hidden_size=384,
        intermediate_size=1024,
        num_hidden_layers=6,
        num_attention_heads=6,
        num_key_value_heads=2,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config).to("cuda" if torch.cuda.is_available() else "cpu")


def waited() -> float:
    """Return the time, when the device has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def stepper(model: Any, batch: int, length: int) -> Callable[[], float]:
    """Return a function that trains one step and says how many seconds it took."""
    device = next(model.parameters()).device
    words = torch.randint(1, 2048, (batch, length), device=device)
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad])

    def step() -> float:
        began = waited()
        model(input_ids=words, labels=words).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return waited() - began

    return step


def saved_mb(model: Any, batch: int, length: int) -> float:
    """Return what autograd keeps for one backward pass, in MB, weights aside."""
    device = next(model.parameters()).device
    words = torch.randint(1, 2048, (batch, length), device=device)
    weights = {one.untyped_storage().data_ptr() for one in model.parameters()}
    held: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            held[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = model(input_ids=words, labels=words).loss
    del loss
    return sum(held.values()) / 1e6


def token_ms(models: dict[str, Any]) -> dict[str, float]:
    """Return milliseconds a generated token of each, the best of five alternating rounds."""
    took: dict[str, float] = {}
    for _ in range(5):
        for name, model in models.items():
            words = torch.ones((1, 32), dtype=torch.long, device=next(model.parameters()).device)
            began = waited()
            model.eval().generate(
                input_ids=words,
                attention_mask=torch.ones_like(words),
                max_new_tokens=32,
                min_new_tokens=32,
                do_sample=False,
            )
            each = (waited() - began) / 32 * 1000
            took[name] = min(each, took.get(name, each))
    return took


def main() -> None:
    """Print the tables."""
    rounds, batch, length = (
        int(sys.argv[at]) if len(sys.argv) > at else default
        for at, default in ((1, 20), (2, 4), (3, 128))
    )
    models = {name: get_peft_model(built(), config) for name, config in WAYS.items()}
    steps = {name: stepper(model, batch, length) for name, model in models.items()}
    for step in steps.values():
        step()
    took: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    for number in range(rounds):
        # Each way is first as often as last: a machine that slows down slows all of them.
        for name in names[number % len(names) :] + names[: number % len(names)]:
            took[name].append(steps[name]())
    lora = took["LoRA, rank 8"]
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {rounds} rounds of")
    print(f"batch {batch} x {length}, {next(models[names[0]].parameters()).device}")
    off = get_peft_model(built(), AlignerConfig(num_tokens=10))
    off.base_model.disable_adapter_layers()
    spoken = token_ms(models | {"Aligner, switched off": off, "the base": built()})
    print(f"{'':22}parameters  step ms  to LoRA  saved MB  token ms")
    for name, each in spoken.items():
        if name not in models:
            print(f"{name:22}{each:47.2f}")
            continue
        ratio = statistics.median(a / b for a, b in zip(took[name], lora, strict=True))
        print(
            f"{name:22}{models[name].get_nb_trainable_parameters()[0]:10,}"
            f"{statistics.median(took[name]) * 1000:9.1f}{ratio:9.3f}"
            f"{saved_mb(models[name], batch, length):10.1f}{each:9.2f}"
        )


if __name__ == "__main__":
    main()
