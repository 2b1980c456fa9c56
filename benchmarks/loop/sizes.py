"""How large the experiment is. The numbers of one size are the same for every treatment."""

from dataclasses import dataclass, replace
from typing import Any

Treatment = tuple[str, str, dict[str, Any]]  # objective, adapter, the adapter's settings
TREATMENTS: dict[str, Treatment] = {
    "sft-full": ("sft", "full", {}),
    "dft-full": ("dft", "full", {}),
    "sft-lora": ("sft", "lora", {}),
    "sft-aligner-1": ("sft", "aligner", {"num_tokens": 1}),
    "sft-aligner-10": ("sft", "aligner", {"num_tokens": 10}),
    "sft-aligner-100": ("sft", "aligner", {"num_tokens": 100}),
}


@dataclass(frozen=True)
class Size:
    """What one run of the experiment takes."""

    seeds: int
    episodes: int  # of the corpus
    steps: int  # of pretraining
    width: int
    layers: int
    heads: int
    attempts: int  # at tasks under full information, from which demonstrations are taken
    epochs: float  # of a treatment
    rates: tuple[float, ...]  # learning rates, the same for every treatment
    checks: int  # validation tasks, each tried once at each rate
    runs: int  # of a task in a cell, at a diagnosis
    held_out_runs: int  # of a task of a held-out level
    kept: int  # episodes of a fresh corpus, on which old skills are measured
    longest: int = 220  # tokens of an answer; the longest of the corpus has about 180
    demonstrations: str = "own"  # or gold: the builder's, for an agent that gets nothing right
    treatments: tuple[str, ...] = tuple(TREATMENTS)
    tasks: tuple[str, ...] = ("A-L1", "B-L1", "C-L1", "D-L1")
    held_out: tuple[str, ...] = ("A-L2", "B-L2")


FULL = Size(
    seeds=5,
    episodes=5000,
    steps=1400,
    width=192,
    layers=4,
    heads=3,
    attempts=120,
    epochs=3.0,
    rates=(3e-4, 2e-3, 2e-2, 2e-1),
    checks=24,
    runs=4,
    held_out_runs=16,
    kept=80,
)
SIZES = {
    "full": FULL,
    "reduced": replace(FULL, seeds=1, episodes=3000, steps=800, attempts=60),
    "smoke": Size(
        seeds=1,
        episodes=24,
        steps=4,
        width=32,
        layers=3,
        heads=2,
        attempts=4,
        epochs=4.0,
        rates=(1e-2,),
        checks=1,
        runs=1,
        held_out_runs=1,
        kept=3,
        longest=8,
        demonstrations="gold",
        treatments=("dft-full", "sft-aligner-1"),
        tasks=("A-L1",),
        held_out=("A-L2",),
    ),
}
