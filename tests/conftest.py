"""Settings every test shares."""

import os
from importlib.util import find_spec

from hypothesis import settings

# No test is judged by the clock of the machine it happens to run on. In CI the examples are the
# same each time, so a change is not refused for what another change's examples would have shown.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

# Figures are drawn to files; no test opens a window.
os.environ.setdefault("MPLBACKEND", "Agg")

# Tested in environments of their own: make test-inspect, test-launchers, test-oracles,
# test-services, test-train.
collect_ignore = [
    folder
    for folder, needed in (
        ("inspect_logs", "inspect_ai"),
        ("launchers", "ray"),
        ("oracles", "shapiq"),
        ("services", "moto"),
        ("training", "torch"),
    )
    if not find_spec(needed)
]
