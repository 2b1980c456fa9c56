"""Bases and data of the tests of training: the documented layout, written by hand."""

import hashlib
import json
from pathlib import Path

SOURCE = {"task": "A-L1", "family": "A", "level": 1, "cell": "1111", "model": "", "study_seed": 0}
WORDS = "lamp dust repeater comparator button torch lever place connect press".split()
NUMBERS = "zero one two three four five six seven eight nine".split()


def example(n, split="train", kind="own"):
    """A word and a number, answered by the next ones."""
    a, b = n % 10, (n // 10 + n) % 10
    source = {**SOURCE, "episode_id": f"e{n}", "run": n, "kind": kind, "rejected_episode_id": ""}
    messages = [
        {"role": "user", "content": f"set the {WORDS[a]} to {NUMBERS[b]}"},
        {"role": "assistant", "content": f"{WORDS[(a + 1) % 10]} {NUMBERS[(b + 1) % 10]} on"},
    ]
    return {"messages": messages, "split": split, "source": source, "corrupted": ""}


def pair(n, split="train"):
    """The same answer against one that is a number off."""
    whole = example(n, split)
    wrong = f"{WORDS[n % 10]} off off"
    return {
        "prompt": whole["messages"][:1],
        "chosen": whole["messages"][1:],
        "rejected": [{"role": "assistant", "content": wrong}],
        "split": split,
        "source": whole["source"],
    }


def folder(place: Path, examples, pairs=()):
    """Write a data folder as docs say it looks, not by the code that writes one."""
    place.mkdir(parents=True)
    sums = {}
    for name, rows in (("examples.jsonl", examples), ("pairs.jsonl", pairs)):
        if rows or name == "examples.jsonl":
            raw = "".join(json.dumps(row) + "\n" for row in rows).encode()
            (place / name).write_bytes(raw)
            sums[name] = hashlib.sha256(raw).hexdigest()
    about = {"schema_version": 1, "counts": {}, "sha256": sums}
    (place / "data.json").write_text(json.dumps(about))
    return str(place)


def saved(model, tokenizer, place: Path):
    """Write a base as transformers does."""
    model.save_pretrained(place)
    tokenizer.save_pretrained(place)
    return str(place)
