"""Which trainings are made, and one of them: by the project's trainer, from a setting to a row."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.pretrained.lessons import Question, encoded, facts, formed, lesson
from diagnose.training.settings import TrainSettings

FORM_STEPS, FACT_STEPS, BATCH = 30, 60, 8
RATES = (5e-4, 2e-3)  # of (a): LoRA of rank 8
ADAPTER_RATES = (3e-3, 2e-2, 2e-1)  # of (b): the fewer the parameters, the higher
LORA = {"r": 8, "alpha": 16, "target_modules": ["q_proj", "v_proj"]}
# Rank 1 on as many value projections as come near to the parameters of Aligner-1 and Aligner-10.
ONE = {"r": 1, "alpha": 2, "target_modules": r".*layers\.9\.self_attn\.v_proj"}
SEVEN = {"r": 1, "alpha": 2, "target_modules": r".*layers\.(3|5|7|9|11|13|15)\.self_attn\.v_proj"}
ADAPTERS: dict[str, tuple[str, dict[str, Any]]] = {
    "aligner-1": ("aligner", {"num_tokens": 1}),
    "lora-1 of 1": ("lora", ONE),
    "aligner-10": ("aligner", {"num_tokens": 10}),
    "lora-1 of 7": ("lora", SEVEN),
    "lora-8": ("lora", LORA),
}
NEW_TOKENS = 10  # of an answer: the longest in the form has nine


@dataclass(frozen=True)
class Setting:
    """One training, or none (``objective`` none: the base as it is)."""

    experiment: str  # dft, aligner
    teaches: str  # form, facts
    shown: bool  # whether the prompt holds one example of the form
    noise: float  # share of demonstrations that name another country's capital
    objective: str
    adapter: str
    rate: float
    seed: int


def settings(seeds: int) -> Iterator[Setting]:
    """Yield all of them, seed by seed."""
    for seed in range(seeds):
        for shown in (True, False):
            yield Setting("dft", "form", shown, 0.0, "none", "none", 0.0, seed)
            for noise in (0.0, 0.4):
                for rate in RATES:
                    for objective in ("sft", "dft"):
                        yield Setting("dft", "form", shown, noise, objective, "lora-8", rate, seed)
        for teaches in ("form", "facts"):
            for adapter in ADAPTERS:
                for rate in ADAPTER_RATES:
                    yield Setting("aligner", teaches, False, 0.0, "sft", adapter, rate, seed)


@dataclass
class Base:
    """The model that all trainings of a process start from."""

    model: Any
    tokenizer: Any
    file: Path
    known: dict[Any, tuple[dict[str, float], float]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Base":
        """Load the one GGUF file of a folder.

        Raises:
            SystemExit: there is none, or several.
        """
        from diagnose.training.loading import load_model, load_tokenizer
        from diagnose.training.quiet import quiet

        files = sorted(folder.glob("*.gguf"))
        if len(files) != 1:
            raise SystemExit(f"{folder} holds {len(files)} GGUF files; name a folder with one")
        with quiet():
            tokenizer = load_tokenizer(files[0], "plain")
            model = load_model(files[0], _told(Path("out"), "sft", "lora-8", 1e-3, 1, 0, files[0]))
        # A slice of hidden states is not contiguous, and bfloat16's product with one is 20 times
        # slower on a CPU.
        model.lm_head.register_forward_pre_hook(lambda _, given: (given[0].contiguous(),))
        return cls(model, tokenizer, files[0])


def _told(
    out: Path, objective: str, adapter: str, rate: float, steps: int, seed: int, base: Path
) -> TrainSettings:
    kind, options = ADAPTERS[adapter]
    return TrainSettings(
        base=str(base), data="none", out=str(out), objective=objective, adapter=kind,
        adapter_settings=options, steps=steps, batch_size=BATCH, micro_batch_size=BATCH,
        learning_rate=rate, dtype="bfloat16", device="cpu", seed=seed,
    )  # fmt: skip


def trained(base: Base, setting: Setting) -> dict[str, Any]:
    """Return a setting with what came out. The base is left as it was."""
    from transformers import set_seed

    from diagnose.training.adapters import adapter_of
    from diagnose.training.built import framework_seed, trainer_of
    from diagnose.training.material import Material
    from diagnose.training.quiet import quiet
    from diagnose.training.statistics import measured

    if setting.teaches == "facts":
        parts, steps = facts(setting.seed), FACT_STEPS
    else:
        parts, steps = lesson(setting.seed, setting.noise, shown=setting.shown), FORM_STEPS
    demonstrations = encoded(base.tokenizer, parts["train"])
    pad = base.tokenizer.pad_token_id

    def measure(model: Any) -> dict[str, float]:
        return measured(model, None, demonstrations, pad, 2 * BATCH)

    lesson_told = (setting.teaches, setting.shown, setting.noise, setting.seed)
    if lesson_told not in base.known:  # of the base alone: the same for all that are taught this
        base.known[lesson_told] = (
            measure(base.model),
            _first_probability(base, parts["test"]),
        )
    before, form_probability = base.known[lesson_told]
    model, parameters, seconds = base.model, 0, 0.0
    if setting.objective != "none":
        with TemporaryDirectory() as place, quiet():
            told = _told(
                Path(place), setting.objective, setting.adapter, setting.rate, steps,
                setting.seed, base.file,
            )  # fmt: skip
            set_seed(framework_seed(told))
            found = Material(demonstrations, ())
            adapter = adapter_of(told, base.model)
            trainer = trainer_of(
                told, found, base.model, base.tokenizer, adapter, None, Path(place)
            )
            model = trainer.model
            parameters = sum(one.numel() for one in model.parameters() if one.requires_grad)
            began_s = time.monotonic()
            trainer.train()
            seconds = time.monotonic() - began_s
    after = before if model is base.model else measure(model)
    model.eval()
    row: dict[str, Any] = {**asdict(setting), "parameters": parameters, "steps": steps}
    row |= {"seconds_per_step": round(seconds / steps, 3), "form_probability": form_probability}
    for name, value in before.items():
        if name != "tokens":
            row |= {f"{name}_before": value, f"{name}_after": after[name]}
    for split in ("validation", "test"):
        row |= {f"{split}_{name}": one for name, one in scores(base, model, parts[split]).items()}
    if model is not base.model:
        base.model = model.unload()
    return row


def _first_probability(base: Base, questions: Sequence[Question]) -> float:
    """Return the base's mean probability of the first token of the wanted answers."""
    import torch

    found = []
    for one in encoded(base.tokenizer, questions):
        prompt = [
            token for token, label in zip(one.input_ids, one.labels, strict=True) if label < 0
        ]
        with torch.no_grad():
            said = base.model(input_ids=torch.tensor([prompt]), logits_to_keep=1).logits[0, -1]
        found.append(float(said.float().softmax(-1)[one.input_ids[len(prompt)]]))
    return sum(found) / len(found)


def scores(base: Base, model: Any, questions: Sequence[Question]) -> dict[str, int]:
    """Return how many greedy answers are in the form, hold the content, and are both exactly."""
    said = answers(base, model, questions)
    pairs = list(zip(said, questions, strict=True))
    formed_ones = [text.startswith(_opening()) and text.endswith(" omega") for text, _ in pairs]
    return {
        "questions": len(questions),
        "form": sum(formed_ones),
        "content": sum(one.content in text for text, one in pairs),
        "exact": sum(text == one.answer for text, one in pairs),
    }


@lru_cache
def _opening() -> str:
    return formed("|").partition("|")[0]


def answers(base: Base, model: Any, questions: Sequence[Question]) -> list[str]:
    """Return the model's likeliest answers, each to the end of its line."""
    import torch

    tokenizer = base.tokenizer
    ends = [tokenizer.eos_token_id, *tokenizer("\n", add_special_tokens=False)["input_ids"]]
    tokenizer.padding_side = "left"
    given = tokenizer([one.prompt for one in questions], return_tensors="pt", padding=True)
    tokenizer.padding_side = "right"
    with torch.no_grad():
        made = model.generate(
            **given, max_new_tokens=NEW_TOKENS, do_sample=False, eos_token_id=ends, use_cache=True,
            pad_token_id=tokenizer.pad_token_id,
        )  # fmt: skip
    width = given["input_ids"].shape[1]
    texts = tokenizer.batch_decode(made[:, width:], skip_special_tokens=True)
    return [text.split("\n")[0] for text in texts]
