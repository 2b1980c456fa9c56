"""Failure causes in records and in a study's table, and the stage that truly failed beside them."""

import json
from dataclasses import replace

import pytest

from analysis.episodes import FAILURE_COLUMNS
from analysis.study import Study
from diagnose.env.causes import CAUSES
from diagnose.episode import Episode, run_episode
from diagnose.errors import InputError
from diagnose.models.reference import Profile, Reference
from diagnose.records import EpisodeRecord
from diagnose.tasks import family_of, task
from diagnose.wellformed import check_record
from tests.analysis.studies import record, write_study

CAPACITIES = ("identification", "discovery", "consolidation", "application")
ONE = {
    "cause": "signal_died",
    "law": "attenuation",
    "capacity_by_convention": "discovery",
    "lamps": 4,
    "stage": "application",
}
OTHER = {**ONE, "cause": "lamp_count", "law": "", "stage": ""}
FAILED = {"success": False, "outcome": "failed"}


def episode(task_id: str, profile: Profile, run: int = 0) -> EpisodeRecord:
    one = task(task_id)
    return run_episode(
        Episode("e", "test", 11, (), (), one, family_of(one), run, Reference(profile), {})
    )


@pytest.mark.parametrize("missing", CAPACITIES)
@pytest.mark.parametrize("task_id", ["A-L1", "C-L2", "D-L2", "E-L2"])
def test_the_stage_beside_a_cause_is_the_capacity_that_was_planted(missing: str, task_id: str):
    """Without one capacity every needed law is lost in that stage, whatever the cause suggests."""
    profile = Profile(**{name: float(name != missing) for name in CAPACITIES})
    lost = episode(task_id, profile)
    assert lost.outcome == "failed"
    assert set(lost.subject_log["failed"]) == set(lost.subject_log["needed"])
    assert set(lost.subject_log["failed"].values()) == {missing}
    assert lost.causes
    for one in lost.causes:
        assert one["stage"] == (missing if one["law"] in lost.subject_log["failed"] else "")
        assert one["capacity_by_convention"] in CAPACITIES
        assert CAUSES[one["cause"]].law == one["law"]
    assert lost.causes[0]["stage"] == missing


def test_a_passed_episode_has_no_cause_and_a_forgotten_lamp_is_one():
    assert episode("A-L1", Profile(1, 1, 1, 1)).causes == ()
    slipped = episode("A-L1", Profile(1, 1, 1, 1, slip=1.0))
    assert [one["cause"] for one in slipped.causes] == ["lamp_count"]
    assert slipped.subject_log["failed"] == {}


def test_records_with_causes_come_back_and_records_without_can_be_read():
    made = replace(record(**FAILED), causes=(ONE, OTHER))
    data = json.loads(made.to_line())
    assert EpisodeRecord.from_dict(data).to_line() == made.to_line()
    del data["causes"]
    assert EpisodeRecord.from_dict(data).causes == ()


@pytest.mark.parametrize(
    "bad", ["signal_died", {**ONE, "lamps": "4"}, {**ONE, "law": None}, {"cause": "x"}]
)
def test_what_is_no_cause_is_refused(bad: object):
    with pytest.raises(ValueError, match="its causes"):
        check_record(replace(record(**FAILED), causes=(bad,)))


def test_the_table_of_a_study_has_the_causes(tmp_path):
    folder = write_study(
        tmp_path / "s",
        [replace(record(cell="0000", **FAILED), causes=(ONE, OTHER)), record(cell="1111")],
    )
    failed, passed = Study.load(folder).episodes[list(FAILURE_COLUMNS)].to_numpy().tolist()
    assert failed == [
        "signal_died", "attenuation", "discovery", "application", "signal_died;lamp_count",
    ]  # fmt: skip
    assert passed == [""] * len(FAILURE_COLUMNS)
    columns = Study.load(folder).episodes.dtypes
    assert {str(columns[name]) for name in FAILURE_COLUMNS} == {"str"}


def test_a_study_whose_causes_are_broken_is_refused(tmp_path):
    folder = write_study(tmp_path / "s", [record(**FAILED)])
    file = folder / "episodes.jsonl"
    file.write_text(file.read_text().replace('"causes":[]', '"causes":[{}]'))
    with pytest.raises(InputError, match="causes"):
        Study.load(folder)
