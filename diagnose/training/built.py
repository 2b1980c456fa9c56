"""A trainer of TRL for what a training is told: supervised, reweighted, or by preferences."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset as Table
from transformers.trainer_callback import PrinterCallback

from diagnose.seeds import seed_of
from diagnose.training.material import Material
from diagnose.training.settings import TrainSettings

IN_TRL = {"sft": "nll", "dft": "dft"}


def on_cpu(settings: TrainSettings) -> bool:
    """Return whether a training stays off the accelerator."""
    return settings.device == "cpu" or not torch.cuda.is_available()


def framework_seed(settings: TrainSettings) -> int:
    """Return the seed that torch, numpy and the sampler get: 32 bits of the training's stream."""
    return seed_of("train", settings.seed) % 2**32


def trainer_of(
    settings: TrainSettings,
    found: Material,
    model: Any,
    tokenizer: Any,
    adapter: Any,
    copy: Any,
    place: Path,
) -> Any:
    """Return the trainer.

    Args:
        settings: what was told.
        found: what is trained on.
        model: the base, or the base under the adapter to go on from.
        tokenizer: with its template and its padding token.
        adapter: PEFT's configuration of a new adapter, or None.
        copy: a frozen copy of the base; None where the adapter can be taken off instead.
        place: the folder of its checkpoints.
    """
    told = _arguments(settings, place)
    given = {"model": model, "processing_class": tokenizer, "peft_config": adapter}
    if settings.objective == "dpo":
        from trl import DPOConfig, DPOTrainer

        rows = [
            {
                name: [dict(one) for one in getattr(pair, name)]
                for name in ("prompt", "chosen", "rejected")
            }
            for pair in found.pairs
        ]
        options = dict(settings.objective_settings)
        made = DPOTrainer(
            args=DPOConfig(**told, **options),
            ref_model=copy,
            train_dataset=Table.from_list(rows),
            **given,
        )
    else:
        made = _supervised(settings, told, _table(found.train), given)
    made.remove_callback(PrinterCallback)
    if settings.adapter == "llama_adapter":
        # PEFT's model keeps the forward that it found; TRL has laid its own over it since.
        made.model.base_model.forward = made.model.base_model.model.forward
    return made


def _supervised(
    settings: TrainSettings, told: dict[str, Any], table: Table, given: dict[str, Any]
) -> Any:
    from trl import SFTConfig, SFTTrainer

    name, options = settings.objective, dict(settings.objective_settings)
    smoothing = options.pop("label_smoothing", 0.0)
    args = SFTConfig(
        **told,
        packing=False,
        shuffle_dataset=False,
        loss_type=IN_TRL.get(name, "nll"),
        label_smoothing_factor=smoothing,
    )
    if name in IN_TRL:
        return SFTTrainer(args=args, train_dataset=table, **given)
    from diagnose.training.weighted import WeightedTrainer

    return WeightedTrainer(args=args, train_dataset=table, objective=name, options=options, **given)


def _arguments(settings: TrainSettings, place: Path) -> dict[str, Any]:
    """Return what every trainer is told."""
    seed, cpu = framework_seed(settings), on_cpu(settings)
    return {
        "output_dir": str(place),
        "per_device_train_batch_size": settings.micro_batch_size,
        "gradient_accumulation_steps": settings.batch_size // settings.micro_batch_size,
        "num_train_epochs": settings.epochs,
        "max_steps": settings.steps or -1,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.schedule,
        "warmup_steps": settings.warmup if settings.schedule != "constant" else 0,
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm,
        "optim": "adamw_torch",
        "seed": seed,
        "data_seed": seed,
        "bf16": settings.dtype == "bfloat16",
        "fp16": False,
        "activation_checkpointing": settings.gradient_checkpointing,
        "use_cpu": cpu,
        "dataloader_pin_memory": not cpu,
        "save_strategy": "steps" if settings.checkpoint_every else "no",
        "save_steps": settings.checkpoint_every or 500,
        "save_total_limit": 1,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "report_to": "none",
        "eval_strategy": "no",
        "max_length": None,
    }


def _table(encoded: Sequence[Any]) -> Table:
    """Return conversations as TRL takes those that are tokens already: it leaves them alone."""
    return Table.from_dict(
        {
            "input_ids": [list(one.input_ids) for one in encoded],
            "labels": [list(one.labels) for one in encoded],
        }
    )
