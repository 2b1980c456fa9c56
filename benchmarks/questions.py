"""How well questions find their experiment, on the phrasings built on and on those held out.

    .venv/bin/python benchmarks/questions.py

The phrasings stand in tests/env/data/questions.csv. One that no experiment answers has no law and
must be refused. ``held_out`` was drawn by lot before the matcher was written, and the matcher was
never fitted to it. ``later`` was written afterwards; at first sight, before the matcher was mended
with it, 73 of its 84 on-topic and 22 of its 24 off-topic phrasings came out right.
"""

import csv
import time
from collections import Counter
from pathlib import Path

from diagnose.env.questions import match

PHRASINGS = Path(__file__).resolve().parents[1] / "tests" / "env" / "data" / "questions.csv"


def main() -> None:
    """Print accuracy by part and kind, what was confused, and the time that a question takes."""
    with PHRASINGS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    match(rows[0]["question"])  # load the experiments
    began = time.perf_counter()
    found = [getattr(match(row["question"]), "law", "") for row in rows]
    each_ms = 1e3 * (time.perf_counter() - began) / len(rows)
    for part in ("dev", "held_out", "later"):
        for kind, wanted in (("on-topic found", True), ("off-topic refused", False)):
            pairs = [
                (row["law"], law)
                for row, law in zip(rows, found, strict=True)
                if row["part"] == part and bool(row["law"]) == wanted
            ]
            right = sum(law == answer for law, answer in pairs)
            print(f"{part:9s} {kind:18s} {right:4d} of {len(pairs):4d}  {right / len(pairs):.1%}")
        wrong = Counter(
            (row["law"] or "off topic", law or "refused")
            for row, law in zip(rows, found, strict=True)
            if row["part"] == part and row["law"] != law
        )
        for (law, answer), times in wrong.most_common():
            print(f"{part:9s}   {law} -> {answer}: {times}")
    print(f"{each_ms:.3f} ms a question, asked for the first time")


if __name__ == "__main__":
    main()
