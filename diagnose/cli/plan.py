"""``diagnose plan``: what a study would run, what it would cost, how long it would take."""

import argparse
from pathlib import Path

from diagnose.cli.main import OK
from diagnose.errors import InputError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--pilot", type=Path, help="a study's folder: expect of each cell what it used there"
    )
    parser.add_argument("overrides", nargs="*", help="as of diagnose run: design=paper_sequential")


def main(given: argparse.Namespace) -> int:
    """Print the design, what is done and to do, and what that will use.

    Raises:
        ConfigError: an override or a value in the configuration is wrong.
        StoreError: the pilot's folder, or the study's, is none or broken.
    """
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from diagnose.cli.configure import configured
    from diagnose.cli.planned import planned
    from diagnose.cli.run import explained

    flags = [one for one in given.overrides if one.startswith("-")]
    if flags:
        raise InputError("plan", flags[0], "name overrides such as study.runs=2")
    try:
        study = configured(given.overrides)
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(error, given.overrides) from error
    print("\n".join(planned(study, given.pilot)))
    return OK
