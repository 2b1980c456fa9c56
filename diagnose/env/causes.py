"""Physical causes of failure, the law that each violates, and what they are taken to say.

A device shows what is wrong with it, not why its builder built it so. ``capacity_by_convention``
is therefore a convention: it follows the published taxonomy, in which structural failures count as
application, failures of signal propagation as discovery and failures of wire semantics as
identification.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diagnose.env.blocks import Pos

STRUCTURAL, PROPAGATION, SEMANTICS = "structural", "signal propagation", "wire semantics"
CAPACITY_CONVENTION: Mapping[str, str] = {
    STRUCTURAL: "application",
    PROPAGATION: "discovery",
    SEMANTICS: "identification",
}


@dataclass(frozen=True)
class Cause:
    """One kind of physical cause."""

    name: str
    category: str  # of the published taxonomy
    law: str  # of ``diagnose.laws.CATALOGUE``; empty where none of them is broken
    sentence: str


CAUSES: Mapping[str, Cause] = {
    cause.name: cause
    for cause in (
        # What keeps a lamp dark, or a part dead that should have taken part.
        Cause("gap_in_wire", STRUCTURAL, "", "a wire is interrupted by an empty cell"),
        Cause("no_wire_to_lamp", STRUCTURAL, "", "no wire leads to the lamp"),
        Cause("missing_rail", PROPAGATION, "", "a whole stretch of wire was never laid"),
        Cause(
            "diagonal_gap",
            SEMANTICS,
            "dust_axes",
            "dust is taken to join dust on a diagonal cell",
        ),
        Cause(
            "dust_passes_lamp",
            SEMANTICS,
            "dust_pointing",
            "dust runs past what it should power instead of pointing at it",
        ),
        Cause(
            "dust_turned_away",
            SEMANTICS,
            "dust_pointing",
            "a neighbouring connection turns the dust away from what it pointed at",
        ),
        Cause(
            "lamp_above_powered_block",
            SEMANTICS,
            "block_power",
            "the lamp stands beside raised dust and not beside the block that carries its power",
        ),
        Cause("weak_power", SEMANTICS, "block_power", "a block powered by dust powers no dust"),
        Cause(
            "non_conductor",
            STRUCTURAL,
            "block_power",
            "glass, or another block that passes no power on, stands where power must pass",
        ),
        Cause("step_too_high", SEMANTICS, "dust_climb", "a wire steps by more than one block"),
        Cause("slope_cut", SEMANTICS, "dust_climb", "a block cuts a wire where it climbs"),
        Cause("signal_died", PROPAGATION, "attenuation", "the signal dies on a wire too long"),
        Cause(
            "repeater_backwards",
            STRUCTURAL,
            "repeater_direction",
            "a repeater faces against the signal",
        ),
        Cause(
            "repeater_sideways",
            STRUCTURAL,
            "repeater_direction",
            "a repeater stands across the signal",
        ),
        Cause("repeater_locked", PROPAGATION, "", "another repeater locks it from the side"),
        Cause("part_blocked", PROPAGATION, "", "a part that is fed gives no signal"),
        # What goes wrong in time.
        Cause(
            "repeater_delay_wrong",
            PROPAGATION,
            "repeater_delay",
            "repeaters are set to another delay than the device needs",
        ),
        Cause(
            "out_of_step",
            PROPAGATION,
            "repeater_delay",
            "the ways to the lamps take different times",
        ),
        Cause("pulse_unshaped", PROPAGATION, "pulse_length", "the pulse is not the button's own"),
        Cause(
            "glow_for_power", PROPAGATION, "lamp_lag", "the time that lamps glow is taken for power"
        ),
        Cause(
            "comparator_mode",
            SEMANTICS,
            "comparator_subtraction",
            "a comparator compares where it should subtract",
        ),
        Cause("lit_before_press", STRUCTURAL, "", "lamps are lit before the press"),
        Cause("never_dark", PROPAGATION, "", "lamps never go dark again"),
        Cause("lit_twice", PROPAGATION, "", "lamps light more than once"),
        Cause("never_settles", STRUCTURAL, "", "the device never comes to rest before the press"),
        Cause("never_quiet", PROPAGATION, "", "the device never comes to rest after the press"),
        # What is missing or misplaced.
        Cause("lamp_count", STRUCTURAL, "", "not the number of lamps that the task wants"),
        Cause("lamps_touch", STRUCTURAL, "", "lamps stand face to face"),
        Cause("button_count", STRUCTURAL, "", "not exactly one stone button"),
        Cause("lamps_misplaced", STRUCTURAL, "", "lamps stand at other distances than asked"),
        Cause("no_live_junction", STRUCTURAL, "", "no junction carries power on to two lamps"),
        Cause("unexplained", STRUCTURAL, "", "none of the known causes fits"),
    )
}


@dataclass(frozen=True)
class Failure:
    """One cause found in one device.

    ``confirmed``: the simulator was asked and the least repair of this cause, with those named
    before it, helped (True) or did not (False); None where it was not asked.
    """

    cause: str
    law: str
    lamps: tuple[Pos, ...]  # affected
    cells: tuple[Pos, ...]  # where the cause lies
    sentence: str
    confirmed: bool | None = None

    @property
    def category(self) -> str:
        """The published category of the cause."""
        return CAUSES[self.cause].category

    @property
    def capacity_by_convention(self) -> str:
        """The capacity that the published taxonomy takes the category to speak of."""
        return CAPACITY_CONVENTION[self.category]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "cause": self.cause,
            "law": self.law,
            "category": self.category,
            "capacity_by_convention": self.capacity_by_convention,
            "lamps": [list(pos) for pos in self.lamps],
            "cells": [list(pos) for pos in self.cells],
            "sentence": self.sentence,
            "confirmed": self.confirmed,
        }
