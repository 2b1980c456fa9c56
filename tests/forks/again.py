"""Episodes taken up again at a turn, for tests of snapshots and forks."""

from collections.abc import Mapping
from typing import Any

from diagnose.episode import Episode, run_episode
from diagnose.intervention import Intervention
from diagnose.models import Message
from diagnose.models.scripted import Scripted
from diagnose.records import EpisodeRecord
from diagnose.replay import staged
from diagnose.subjects.protocol import answers, asked
from diagnose.subjects.snapshot import Snapshot
from diagnose.tasks import family_of, task
from interventions.experiment_oracles import ExperimentOracles
from interventions.gap_hints import GapHints
from interventions.knowledge_notes import KnowledgeNotes
from interventions.solution_sketches import SolutionSketches
from tests.forks import cbor

INTERVENTIONS: Mapping[str, Intervention] = {
    "gap_hints": GapHints(),
    "experiment_oracles": ExperimentOracles(),
    "knowledge_notes": KnowledgeNotes(),
    "solution_sketches": SolutionSketches(),
}


def fenced(code: str) -> str:
    """Return a reply in text that runs ``code``."""
    return f"So.\n```python\n{code}\n```"


def scripted(*replies: Any, name: str = "A-L1", **fields: Any) -> Episode:
    """Return an episode of scripted replies; nothing is on unless ``doses`` say so."""
    one = task(name)
    values: dict[str, Any] = {
        "episode_id": "0123456789abcdef0123",
        "study": "test",
        "study_seed": 5,
        "factors": tuple(INTERVENTIONS),
        "doses": (0, 0, 0, 0),
        "task": one,
        "family": family_of(one),
        "run": 1,
        "model": Scripted("scripted/test", replies),
        "interventions": INTERVENTIONS,
    }
    return Episode(**{**values, **fields})


def recorded(*replies: Any, **fields: Any) -> EpisodeRecord:
    """Return the record of a scripted episode."""
    return run_episode(scripted(*replies, **fields))


def snapshots(record: EpisodeRecord) -> list[Snapshot]:
    """Return the snapshot before each reply of an episode, from one playing of its programs."""
    stage, _ = staged(record, INTERVENTIONS)
    taken = []
    with stage:
        for message in _replies(record):
            taken.append(stage.snapshot())
            stage.run(asked(message, _protocol(record)).code)
    return taken


def check_continued(record: EpisodeRecord, turn: int, data: bytes) -> None:
    """Restore an episode from bytes on a new stage, and give it the rest of its replies."""
    stage, laid = staged(record, INTERVENTIONS)
    before = [message.to_json() for message in stage.opening]
    with stage:
        stage.restore(Snapshot.from_bytes(data))
        check_same(stage.snapshot(), Snapshot.from_bytes(data))
        said: list[Any] = []
        for number, message in enumerate(_replies(record)):
            if number < turn:
                continue
            assert stage.over() is None
            request = asked(message, _protocol(record))
            shown = stage.run(request.code)
            said.append(message.to_json())
            said += [] if shown is None else [m.to_json() for m in answers(request, shown)]
        judged = stage.judged()
        assert stage.over() == record.stop_reason
        assert stage.host.trials == record.usage.trials
        assert len(stage.host.calls) == record.usage.host_calls
    tail = [dict(message) for message in record.transcript[len(record.transcript) - len(said) :]]
    assert said == tail
    assert turn > 0 or before + said == [dict(message) for message in record.transcript]
    assert judged.to_json() == record.verdict
    assert (judged.circuit.sha256 if judged.circuit else "") == record.circuit_sha256
    assert tuple(entry for one in laid for entry in one.book) == record.book


def check_same(one: Snapshot, other: Snapshot) -> None:
    """Check that two snapshots are equal to the bit, but for the order of the sandbox's maps."""
    states = (Snapshot(dict(snapshot.state), None).to_bytes() for snapshot in (one, other))
    assert len(set(states)) == 1
    assert one.sha256 == other.sha256
    assert cbor.read(one.sandbox) == cbor.read(other.sandbox)


def check_every_turn(record: EpisodeRecord) -> int:
    """Check the snapshots of an episode, and return how many there were."""
    taken = snapshots(record)
    for turn, snapshot in enumerate(taken):
        assert snapshot.state["turn"] == turn
        check_continued(record, turn, snapshot.to_bytes())
    return len(taken)


def _replies(record: EpisodeRecord) -> list[Message]:
    return [Message.of(one) for one in record.transcript if one["role"] == "assistant"]


def _protocol(record: EpisodeRecord) -> str:
    return str(record.config.get("scaffold", {}).get("protocol", "text"))
