"""Full-knowledge demonstrations: one program that builds the gold device and has it judged.

They speak the format that the episode's subject was told, in the names of its world, in answer to
the same first message. Each is played in the simulator and passes.
"""

from diagnose.env.experiments import true_laws
from diagnose.env.variant import variant
from diagnose.errors import DiagnoseError
from diagnose.models import Message, Reply
from diagnose.models.reference.hands import by_tool
from diagnose.models.reference.writing import building, fenced
from diagnose.records import EpisodeRecord
from diagnose.subjects.protocol import cleaned, tools_of
from diagnose.tasks import build_device
from diagnose.training.playing import Interventions, LeftOutError, chat, play, record_protocol
from diagnose.training.transcripts import Candidate, readable, task_of

THOUGHT = "I build the device."


def gold(record: EpisodeRecord, interventions: Interventions, distil: bool) -> Candidate:
    """Return the demonstration that answers an episode's first message.

    Args:
        record: of the episode; it need not have been observed.
        interventions: of the record, by name.
        distil: take what interventions said out of the prompt.

    Raises:
        LeftOutError: there is none, and why.
    """
    if record_protocol(record) not in ("text", "tools"):
        raise LeftOutError("it is an outside agent's, whose calls are no chat")
    device, reply = gold_reply(record)
    on = {} if distil else interventions
    played = play(record, on, [reply])
    if not played.passed:
        raise LeftOutError("the full-knowledge program does not pass there")
    return Candidate(record, "gold", readable(chat(played.messages)), (reply,), on, device)


def gold_reply(record: EpisodeRecord) -> tuple[str, Message]:
    """Return the hash of the gold device of a record's task, and the reply that builds it.

    Raises:
        LeftOutError: the record's task or world is unknown.
    """
    known = task_of(record)
    try:
        device = build_device(known, true_laws())
        said = variant(record.variant, record.study_seed).tell(fenced(building(device), THOUGHT))
    except DiagnoseError as error:
        raise LeftOutError("no full-knowledge device is known") from error
    return device.sha256, cleaned(by_tool(Reply(said), tools_of(record_protocol(record)), 0))
