"""The committed study of a real model: its transcripts, played again, end as recorded."""

from pathlib import Path

from diagnose.cli.rebuilt import interventions_of
from diagnose.ledger import read_records
from diagnose.models.litellm.exchanges import read_exchanges
from diagnose.replay import replay

FOLDER = Path(__file__).parents[2] / "docs" / "studies" / "local_model-323db32a"


def test_its_transcripts_end_as_recorded():
    records = list(read_records(FOLDER))
    assert len(records) == 6
    for record in records:
        assert not replay(record, interventions_of(record)).departed


def test_every_answer_is_kept_once():
    placed = [(one.episode_id, one.agent, one.number) for one in read_exchanges(FOLDER)]
    assert len(set(placed)) == len(placed) == 36
    ids = {record.episode_id for record in read_records(FOLDER)}
    assert {episode_id for episode_id, _, _ in placed} == ids
