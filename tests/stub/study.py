"""A study of a language model in a process of its own, without a report: FOLDER [override ...]."""

import json
import sys

from diagnose.cli.configure import configured
from diagnose.cli.run import served
from diagnose.errors import DiagnoseError, StoppedError
from diagnose.journal import kept
from diagnose.progress import Progress
from diagnose.store import Store

DESIGN = ("design=one_at_a_time", "study.runs=2", "study.tasks=[A-L1,C-L1]")


def main() -> int:
    """Run and print how it ended."""
    place, *overrides = sys.argv[1:]
    try:
        study = configured(
            ["subject=litellm", "subject.model=openai/stub", f"study.folder={place}", *overrides]
        )
        progress = Progress(sys.stderr)
        with (
            Store(study.folder, study.header) as store,
            kept(study.home, "info"),
            served(study, progress.say),
        ):
            end = study.run(store, progress)
    except DiagnoseError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 3 if isinstance(error, StoppedError) else 2
    print(json.dumps({"recorded": end.recorded, "not_observed": end.not_observed}))
    return end.exit_code


if __name__ == "__main__":
    sys.exit(main())
