"""A step of the experiment: a folder that is there when it is finished, and not before."""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ABOUT = "step.json"


def step(folder: Path, make: Callable[[Path], Mapping[str, Any] | None]) -> dict[str, Any]:
    """Make ``folder`` unless it is finished; return what its step said, with its seconds.

    ``make`` fills a folder beside it, which takes its name at the end: a step that was cut off
    begins again.
    """
    about = folder / ABOUT
    if not about.is_file():
        draft = folder.with_name(f".{folder.name}.{os.getpid()}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        began = time.monotonic()
        said = dict(make(draft) or {})
        said["step_seconds"] = round(time.monotonic() - began, 1)
        (draft / ABOUT).write_text(json.dumps(said, indent=1, sort_keys=True) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    said = json.loads(about.read_text())
    assert isinstance(said, dict)
    return said
