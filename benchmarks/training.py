"""What an objective and an adapter cost a step: DFT against SFT, Aligner against LoRA, in one run.

    OMP_NUM_THREADS=1 .venv-train/bin/python -m benchmarks.training [rounds] [width] [layers]

A Llama with random weights takes optimiser steps on the same batch. The two of a pair take turns,
step by step, so that a load from elsewhere falls on both; the ratio is that of the median step
times, and beside it stands the ratio of the fastest. Losses are TRL's (its fused head), as in a
training; warm-up steps are not counted.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

WARM_UP, LENGTH, BATCH, VOCABULARY = 3, 128, 4, 4096


def main(rounds: int = 40, width: int = 256, layers: int = 6) -> None:
    """Print the two ratios, with the step times in milliseconds."""
    print(f"width {width}, {layers} layers, batch {BATCH} x {LENGTH}, {rounds} rounds")
    for title, first, second in (
        ("DFT / SFT, all weights", ("dft", "full"), ("nll", "full")),
        ("DFT / SFT, LoRA", ("dft", "lora"), ("nll", "lora")),
        ("Aligner-1 / LoRA, DFT", ("dft", "aligner"), ("dft", "lora")),
        ("Aligner-10 / LoRA, DFT", ("dft", "aligner10"), ("dft", "lora")),
    ):
        steps = [stepper(loss, adapter, width, layers) for loss, adapter in (first, second)]
        taken: tuple[list[float], list[float]] = ([], [])
        for round_ in range(WARM_UP + rounds):
            order = (0, 1) if round_ % 2 else (1, 0)
            for one in order:
                began_s = time.perf_counter()
                steps[one]()
                if round_ >= WARM_UP:
                    taken[one].append(1e3 * (time.perf_counter() - began_s))
        a, b = (statistics.median(times) for times in taken)
        least = min(taken[0]) / min(taken[1])
        print(f"{title:<24} {a:7.1f} ms / {b:7.1f} ms = {a / b:.3f}   fastest {least:.3f}")


def stepper(loss: str, adapter: str, width: int, layers: int) -> Callable[[], None]:
    """Return what takes one optimiser step."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from tokenizers import Tokenizer, models
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    from trl import SFTConfig, SFTTrainer

    from diagnose.training.aligner import AlignerConfig
    from diagnose.training.quiet import quiet

    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        pad_token_id=0,
    )
    words = {"<pad>": 0, "<eos>": 1}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="<eos>")),
        pad_token="<pad>",
        eos_token="<eos>",
    )
    adapters: dict[str, Any] = {
        "full": None,
        "lora": LoraConfig(task_type="CAUSAL_LM", r=8, target_modules="all-linear"),
        "aligner": AlignerConfig(num_tokens=1),
        "aligner10": AlignerConfig(num_tokens=10),
    }
    row = {"input_ids": list(range(2, 2 + LENGTH)), "labels": list(range(2, 2 + LENGTH))}
    with quiet():
        trainer = SFTTrainer(
            model=LlamaForCausalLM(shape),
            args=SFTConfig(
                output_dir=tempfile.mkdtemp(),
                loss_type=loss,
                bf16=False,
                use_cpu=True,
                activation_checkpointing=False,
                max_length=None,
                report_to="none",
                save_strategy="no",
            ),
            train_dataset=Dataset.from_list([row]),
            processing_class=tokenizer,
            peft_config=adapters[adapter],
        )
    model = trainer.model.train()
    inputs = trainer.data_collator([row] * BATCH)
    optimizer = torch.optim.AdamW((one for one in model.parameters() if one.requires_grad), lr=1e-5)
    count = torch.tensor(BATCH * (LENGTH - 1))

    def step() -> None:
        optimizer.zero_grad()
        trainer.compute_loss(model, dict(inputs), num_items_in_batch=count).backward()
        optimizer.step()

    return step


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]))
