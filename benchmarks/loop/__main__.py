"""The command line; see the package."""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.loop.sizes import SIZES


def main(arguments: list[str] | None = None) -> int:
    """Run the experiment, one seed of it, or write its table; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loop", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, said in (("run", "all seeds"), ("seed", "one seed"), ("table", "what came out")):
        one = commands.add_parser(name, help=said)
        one.add_argument("folder", type=Path)
        if name != "table":
            one.add_argument("--size", choices=SIZES, default="full")
        if name == "run":
            one.add_argument("--jobs", type=int, default=2, help="seeds at once, one core each")
            one.add_argument("--seeds", type=int, default=0, help="0 = as the size says")
        if name == "seed":
            one.add_argument("--seed", type=int, default=0)
        if name == "table":
            one.add_argument("--docs", type=Path, default=None, help="folder of loop.csv, loop.png")
    given = parser.parse_args(arguments)
    if given.command == "table":
        from benchmarks.loop.page import written

        print(written(given.folder, given.docs or given.folder))
        return 0
    size = SIZES[given.size]
    if given.command == "seed":
        import torch

        torch.set_num_threads(1)
        from benchmarks.loop.seeds import run_seed

        run_seed(given.folder / f"seed-{given.seed}", size, given.seed)
        return 0
    return _all(given.folder, given.size, given.seeds or size.seeds, given.jobs)


def _all(folder: Path, size: str, seeds: int, jobs: int) -> int:
    """Run seeds side by side, each in a process of its own on one thread."""
    folder.mkdir(parents=True, exist_ok=True)

    def one(seed: int) -> int:
        command = [sys.executable, "-m", "benchmarks.loop", "seed", str(folder),
                   "--size", size, "--seed", str(seed)]  # fmt: skip
        with (folder / f"seed-{seed}.log").open("a") as log:
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
            return subprocess.run(
                command, stdout=log, stderr=log, env=environment, check=False
            ).returncode

    with ThreadPoolExecutor(jobs) as pool:
        ended = list(pool.map(one, range(seeds)))
    for seed, status in enumerate(ended):
        if status:
            print(f"seed {seed} ended with {status}; see {folder / f'seed-{seed}.log'}")
    return max(ended)


if __name__ == "__main__":
    sys.exit(main())
