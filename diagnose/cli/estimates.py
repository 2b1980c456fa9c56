"""``diagnose analyze | figures``: the analysis from the command line."""

from pathlib import Path

from diagnose.cli.main import OK


def analyze(source: str, target: str, out: Path | None) -> int:
    """Print and write the estimates of a study, a table or the published results."""
    from analysis import cli

    cli.analyze("paper" if source == "paper" else Path(source), target, out, print)
    return OK


def figures(source: str, out: Path | None) -> int:
    """Draw the figures of a study, a table or the published results."""
    from analysis import cli

    if source == "paper":
        paths = cli.figures("paper", out or Path("figures"))
    else:
        paths = cli.figures(Path(source), out or _beside(Path(source)))
    for path in paths:
        print(path)
    return OK


def _beside(source: Path) -> Path:
    return source / "figures" if source.is_dir() else source.with_suffix("") / "figures"
