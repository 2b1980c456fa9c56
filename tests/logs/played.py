"""Real episodes with scripted replies, for tests of what is made of their records."""

import json
from dataclasses import replace
from typing import Any

from diagnose.episode import Episode, run_episode
from diagnose.models.scripted import Scripted
from diagnose.records import EpisodeRecord
from diagnose.tasks import family_of, task
from interventions.gap_hints import GapHints
from interventions.knowledge_notes import KnowledgeNotes

TASK = task("A-L1")
WIRED = json.dumps(
    [
        [8, 1, 8, "stone"],
        [8, 2, 8, "stone_button[face=floor]"],
        [7, 1, 8, "redstone_lamp"],
        [9, 1, 8, "redstone_lamp"],
        [8, 1, 7, "redstone_lamp"],
        [8, 1, 9, "redstone_lamp"],
    ]
)
REPLIES = (
    (
        "First a lamp beside the button.\n```python\n"
        'build([[4, 1, 4, "stone_button[face=floor]"], [5, 1, 4, "redstone_lamp"]])\n'
        "print(press())\nprint(press())\nprint(verify())\n```"
    ),
    'Noted.\n```python\nnote("Lamps light.", "Seen.", "Here.", "(5, 1, 4)")\n```',
    f"Now all four.\n```python\nclear()\nbuild({WIRED})\nprint(press())\nverify()\n```",
)


def played(*replies: str, **fields: Any) -> EpisodeRecord:
    """Return the record of an episode of A-L1 with hints and notes on.

    Of the standard replies' five trials the last passes.
    """
    hints, notes = GapHints(), KnowledgeNotes()
    configured = {
        "gap_hints": {"_target_": "interventions.gap_hints.GapHints", "levels": [0, 1]},
        "knowledge_notes": {"_target_": "interventions.knowledge_notes.KnowledgeNotes"},
    }
    values: dict[str, Any] = {
        "episode_id": "0123456789abcdef0123",
        "study": "test",
        "study_seed": 3,
        "factors": ("gap_hints", "knowledge_notes"),
        "doses": (1, 1),
        "task": TASK,
        "family": family_of(TASK),
        "run": 2,
        "model": Scripted("scripted/test", replies or REPLIES),
        "interventions": {"gap_hints": hints, "knowledge_notes": notes},
        "config": {"interventions": configured},
    }
    return run_episode(Episode(**{**values, **fields}))


def changed(record: EpisodeRecord, at: int, **fields: Any) -> EpisodeRecord:
    """Return the record with fields of its at-th message changed."""
    messages = list(record.transcript)
    messages[at] = {**messages[at], **fields}
    return replace(record, transcript=tuple(messages))
