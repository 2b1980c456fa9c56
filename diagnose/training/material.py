"""What of a data folder is trained on, and what is measured beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from diagnose.errors import InputError
from diagnose.seeds import stream
from diagnose.training.dataset import Dataset, Example, Pair, Split
from diagnose.training.encoding import Encoded, encode, fitted, places_fitted
from diagnose.training.placebo import permuted, turned
from diagnose.training.settings import PERMUTED, TrainSettings

Fitting = tuple[Encoded, Example]  # an example that the context holds, with its tokens


@dataclass(frozen=True)
class Material:
    """Conversations as tokens; of preferences the pairs, and their chosen ones as tokens."""

    train: tuple[Encoded, ...]
    validation: tuple[Encoded, ...]
    pairs: tuple[Pair, ...] = ()

    @property
    def targets(self) -> int:
        """Return how many tokens are learnt, each once over."""
        return sum(one.targets for one in self.train)


def material(data: Dataset, tokenizer: Any, settings: TrainSettings, context: int) -> Material:
    """Return what is trained on and measured.

    A smaller dose is the beginning of a larger one: examples are drawn in one order, by the seed.

    Args:
        data: the folder.
        tokenizer: the base's, with its template.
        settings: kinds, dose, and what happens to the overlong.
        context: the most tokens that the base takes.

    Raises:
        InputError: there is nothing of these kinds, something is longer than the context, or the
            targets are not in the tokeniser's words.
    """
    most = settings.max_tokens or context
    if most > context:
        raise InputError("max_tokens", most, f"the base takes {context}")
    if settings.objective == "dpo":
        return _preferences(data, tokenizer, settings, most)
    made: dict[str, list[Fitting]] = {}
    for split in ("train", "validation"):
        every = [one for one in data.examples(split) if one.source.kind in settings.kinds]
        if split == "train" and not every:
            raise _nothing(data, settings)
        made[split] = _fitting(every, tokenizer, settings, most, f"data, {split}")
    train = _dose(made["train"], settings)
    if settings.placebo == PERMUTED:  # of the very examples that the treatment has
        sham = permuted([one for _, one in train], settings.seed)
        train = _fitting(sham, tokenizer, settings, most, "placebo")
    return Material(
        tuple(tokens for tokens, _ in train), tuple(tokens for tokens, _ in made["validation"])
    )


def _fitting(
    every: Sequence[Example], tokenizer: Any, settings: TrainSettings, most: int, where: str
) -> list[Fitting]:
    """Return the examples that the context holds, with their tokens."""
    tokens = [encode(tokenizer, one.messages, one.tools) for one in every]
    kept = places_fitted(tokens, most, settings.overlong, where)
    _known(list(kept.values()), tokenizer)
    return [(own, every[n]) for n, own in kept.items()]


def _nothing(data: Dataset, settings: TrainSettings) -> InputError:
    every = data.examples("train")
    if not every:
        return InputError("data", "no examples to train on", "collect from records with successes")
    held = sorted({one.source.kind for one in every})
    told = f"no examples of the kinds {', '.join(settings.kinds)}"
    remedy = f"it holds {', '.join(held)}: the records may have no successes; give other kinds"
    return InputError("data", told, remedy)


def _preferences(data: Dataset, tokenizer: Any, settings: TrainSettings, most: int) -> Material:
    if not data.pairs("train"):
        remedy = "dpo needs pairs of a success and a failure: diagnose collect --pairs"
        raise InputError("data", "no pairs to train on", remedy)
    kept: list[tuple[Encoded, Pair]] = []
    for pair in data.pairs("train"):
        both = [encode(tokenizer, (*pair.prompt, *one)) for one in (pair.chosen, pair.rejected)]
        long = [one for one in both if len(one.input_ids) > most]
        if long and settings.overlong == "refuse":
            fitted(long, most, "refuse", "data, pairs")
        if not long:  # a preference cut short may no longer be one: it is dropped, never truncated
            kept.append((both[0], pair))
    order = _order(len(kept), settings)[: settings.examples or None]
    if not order:
        raise InputError("data", f"all longer than {most} tokens", "give shorter ones")
    validation = _chosen(data, "validation", tokenizer, most)
    chosen = tuple(kept[n][0] for n in order)
    _known(chosen, tokenizer)
    pairs = [kept[n][1] for n in order]
    if settings.placebo == PERMUTED:
        pairs = turned(pairs)
        chosen = tuple(encode(tokenizer, (*one.prompt, *one.chosen)) for one in pairs)
    return Material(chosen, validation, tuple(pairs))


def _chosen(data: Dataset, split: Split, tokenizer: Any, most: int) -> tuple[Encoded, ...]:
    every = [encode(tokenizer, (*one.prompt, *one.chosen)) for one in data.pairs(split)]
    return tuple(one for one in every if len(one.input_ids) <= most)


def _dose(every: Sequence[Fitting], settings: TrainSettings) -> list[Fitting]:
    """Return the first examples, in the seed's order, up to so many and so many target tokens."""
    order = _order(len(every), settings)[: settings.examples or None]
    kept: list[Fitting] = []
    learnt = 0
    for n in order:
        targets = every[n][0].targets
        if settings.tokens and kept and learnt + targets > settings.tokens:
            break
        kept.append(every[n])
        learnt += targets
    return kept


def _order(count: int, settings: TrainSettings) -> list[int]:
    return [int(n) for n in stream("train", settings.seed, "dose").permutation(count)]


def _known(encoded: Sequence[Encoded], tokenizer: Any) -> None:
    """Refuse targets that the tokeniser does not know: they were written in another's words."""
    unknown = tokenizer.unk_token_id
    if unknown is None:
        return
    count = sum(label == unknown for one in encoded for label in one.labels)
    if count:
        of = sum(one.targets for one in encoded)
        remedy = "the data are in another tokeniser's words; give the base that they are for"
        raise InputError("data", f"{count} of {of} target tokens unknown to the base", remedy)
