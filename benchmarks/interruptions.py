"""Kill a study with SIGKILL at random instants, resume it, and compare with an untouched one.

    .venv/bin/python benchmarks/interruptions.py [kills] [seed]

Prints the episodes lost, run twice and different, and whether the final table is the same.
"""

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from diagnose.ledger import canonical_lines

COMMAND = (sys.executable, "-m", "diagnose", "run", "study.runs=2", "study.name=kill")


def folder_in(place: Path) -> Path:
    """Return the only study folder."""
    (found,) = (place / "studies").iterdir()
    return found


def whole(place: Path) -> str:
    """Run to the end and return what was printed."""
    done = subprocess.run(COMMAND, cwd=place, capture_output=True, text=True, check=True)
    return done.stdout


def main() -> None:
    """Print the counts."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    chance = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        untouched, killed = Path(first), Path(second)
        began = time.monotonic()
        table = whole(untouched)
        took_s = time.monotonic() - began
        print(f"untouched: {took_s:.1f} s")
        for number in range(kills):
            child = subprocess.Popen(
                COMMAND, cwd=killed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            after_s = chance.uniform(0.3, 0.3 * took_s)
            time.sleep(after_s)
            ended = child.poll() is not None
            child.send_signal(signal.SIGKILL)
            child.wait()
            state = "had ended" if ended else "killed"
            print(f"kill {number + 1}: {state} after {after_s:.1f} s")
        again = whole(killed)
        wanted, found = (canonical_lines(folder_in(place)) for place in (untouched, killed))
        raw = (folder_in(killed) / "episodes.jsonl").read_text(encoding="utf-8").splitlines()
        twice = sum(count - 1 for count in Counter(raw).values())
        print(f"episodes: {len(wanted)}, lost: {len(set(wanted) - set(found))}, ", end="")
        print(f"different: {len(set(found) - set(wanted))}, recorded twice: {twice}")
        print(f"same table: {again == table}")


if __name__ == "__main__":
    main()
