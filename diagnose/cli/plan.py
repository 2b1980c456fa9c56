"""``diagnose plan``: what a study would run, what it would cost, how long it would take."""

import argparse
from pathlib import Path

from diagnose.cli.addressed import fresh, place
from diagnose.cli.main import OK
from diagnose.errors import InputError

ASSUMED = {  # without a pilot, or of cells that it lacks
    "rate": "assumed mean success rate (0.35)",
    "slope_sd": "assumed spread of a factor's effect over tasks (0.20)",
    "interaction_sd": "assumed spread of an interaction over tasks (0.10)",
    "seed_correlation": "assumed correlation of two cells' outcomes in a run (0)",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--pilot",
        type=place,
        help="a study's folder or address: expect what its cells used, and its effects' spread",
    )
    wish = parser.add_mutually_exclusive_group()
    wish.add_argument("--detect", help="an effect to be found, as 10pp: compare designs for it")
    wish.add_argument("--precision", help="half a 95 %% interval, as 5pp: compare designs for it")
    parser.add_argument("--power", type=float, default=0.8, help="wished chance to find (0.8)")
    for name, said in ASSUMED.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, help=said)
    parser.add_argument("--budget", type=float, help="to be split over tasks and runs, as dollars")
    parser.add_argument(
        "--episode-price", type=float, help="of an episode (as in the pilot; 1 without one)"
    )
    parser.add_argument("--task-price", type=float, default=0.0, help="of having one more task (0)")
    parser.add_argument("--simulate", action="store_true", help="check the power by simulation")
    parser.add_argument(
        "--figure", type=Path, help="draw power curves: a name, .png and .svg are written"
    )
    parser.add_argument("overrides", nargs="*", help="as of diagnose run: design=paper_sequential")


def main(given: argparse.Namespace) -> int:
    """Print the design, what it can find, what is done and to do, and what that will use.

    Raises:
        ConfigError: an override or a value in the configuration is wrong.
        InputError: an option is wrong.
        StoreError: the pilot's folder, or the study's, is none or broken.
    """
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from diagnose.cli.configure import configured
    from diagnose.cli.foreseen import Asked, foreseen
    from diagnose.cli.planned import planned
    from diagnose.cli.run import explained

    flags = [one for one in given.overrides if one.startswith("-")]
    if flags:
        raise InputError("plan", flags[0], "name overrides such as study.runs=2")
    try:
        study = configured(given.overrides)
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(error, given.overrides) from error
    fresh(study)
    found = foreseen(study, Asked.of(given))
    print("\n".join(planned(study, given.pilot, found)))
    return OK
