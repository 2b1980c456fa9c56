"""How many calls a study keeps in flight against a server with a known latency, as it sees them.

    .venv/bin/python -m benchmarks.concurrency [concurrency] [latency_s] [runs]

The server runs in a process of its own (it computes the reference subject's answers), the study in
another with its gateway and workers.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from diagnose.ledger import read_records
from tests.stub.reference import FRONTIER, Behind
from tests.stub.server import Stub, serving

TASKS = ("A-L1", "B-L1", "C-L1", "D-L1", "E-L1")


def main() -> None:
    """Print the calls in flight, second by second, and the CPU time they took."""
    concurrency = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    latency_s = float(sys.argv[2]) if len(sys.argv) > 2 else 2.0
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 8
    stub = Stub(Behind(FRONTIER, 0, TASKS, runs), latency_s)
    place = Path(tempfile.mkdtemp())
    with serving(stub):
        began_s = time.monotonic()
        command = [
            *(sys.executable, "-m", "tests.stub.study", str(place)),
            *(f"subject.api_base={stub.url}", f"study.tasks=[{','.join(TASKS)}]"),
            *(f"study.runs={runs}", f"subject.concurrency={concurrency}"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        took_s = time.monotonic() - began_s
    if done.returncode:
        raise SystemExit(done.stderr)
    (folder,) = (path for path in place.iterdir() if path.is_dir())
    records = list(read_records(folder))
    counts = [(at_s - stub.in_flight[0][0], count) for at_s, count in stub.in_flight]
    last_s = counts[-1][0]
    print(f"{len(records)} episodes, {stub.requests} calls, {latency_s:g} s each, {took_s:.1f} s")
    print(json.loads(done.stdout))
    means = [_mean(counts, second, second + 1.0) for second in range(int(last_s))]
    print("in flight, by second:", " ".join(f"{mean:.0f}" for mean in means))
    most = max(count for _, count in counts)
    # Filling up takes one latency, emptying the length of the last episodes.
    steady = [mean for mean in means if mean >= 0.5 * most][1:-1]
    print(f"most at once: {most}; mean while busy: {sum(steady) / max(1, len(steady)):.1f}")


def _mean(counts: list[tuple[float, int]], start_s: float, end_s: float) -> float:
    """Return the mean over a span of a count that changes at given times."""
    total, at_s, now = 0.0, start_s, 0
    for when_s, count in counts:
        if when_s > end_s:
            break
        if when_s > start_s:
            total += now * (when_s - at_s)
            at_s = when_s
        now = count
    return (total + now * (end_s - at_s)) / (end_s - start_s)


if __name__ == "__main__":
    main()
