"""Studies through a server that misbehaves, one kind of fault at a time, against one that does not.

    .venv/bin/python -m benchmarks.faults [rate] [runs]

What passes when tried again must leave no trace in the records; what is the model's own must be in
them by its name.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from diagnose.ledger import canonical_lines, read_records
from tests.stub.reference import FRONTIER, Behind
from tests.stub.server import LASTING, PASSING, Stub, serving

TASKS = ("A-L1", "B-L1", "C-L1")
QUICK = ("subject.backoff_s=0.05", "subject.timeout_s=5", "run.workers=2")


def studied(fault: str, rate: float, runs: int, *more: str) -> tuple[Path, Stub, str]:
    """Run a study against a stub with one fault; return its folder, the stub, what was said."""
    stub = Stub(Behind(FRONTIER, 0, TASKS, runs), faults={fault: rate} if fault else {}, seed=3)
    place = Path(tempfile.mkdtemp())
    with serving(stub):
        command = [
            *(sys.executable, "-m", "tests.stub.study", str(place)),
            *(f"subject.api_base={stub.url}", f"study.tasks=[{','.join(TASKS)}]"),
            *(f"study.runs={runs}", "design=one_at_a_time", *QUICK, *more),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    (folder,) = (path for path in place.iterdir() if path.is_dir())
    return folder, stub, done.stdout


def named(folder: Path) -> str:
    """Return what the records call the model's own faults."""
    causes: Counter[str] = Counter()
    for record in read_records(folder):
        if cause := record.subject_log.get("no_reply_cause"):
            causes[f"{cause}: episode stopped"] += 1
        causes.update(
            f"finish {call['finish']}" for call in record.calls if call["finish"] != "stop"
        )
    return ", ".join(f"{name} x{count}" for name, count in sorted(causes.items()))


def main() -> None:
    """Print the table."""
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else 0.1
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    folder, stub, _ = studied("", 0.0, runs)
    wanted = canonical_lines(folder)
    print(f"no fault: {len(wanted)} episodes, {stub.requests} requests\n")
    print(
        f"{'fault at ' + format(rate, '.0%'):24}{'met':>5}{'requests':>10}{'episodes':>10}", end=""
    )
    print(f"{'not observed':>14}  records equal")
    for fault in (*PASSING, "truncated stream", *LASTING):
        kind, *streamed = fault.split()
        more = ("subject.stream=true",) if streamed else ()
        folder, stub, said = studied(kind, rate, runs, *more)
        lines, end = canonical_lines(folder), json.loads(said)
        told = f"{len(set(lines) & set(wanted))} of {len(wanted)}"
        print(f"{fault:24}{stub.met[kind]:5}{stub.requests:10}{len(lines):10}", end="")
        print(f"{end['not_observed']:14}  {told}  {named(folder)}", flush=True)


if __name__ == "__main__":
    main()
