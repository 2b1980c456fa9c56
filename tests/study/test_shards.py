"""Several processes on one study's folder: nothing twice, nothing left out, the same records."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.errors import ConfigError, StoreError
from diagnose.shards import Shard
from diagnose.store import Store, canonical_lines, parts_of, read_records
from tests.study import chain_runner, fake, shard_runner
from tests.study.test_study import ROOT, wait_for_lines

PLANS = shard_runner.PLANS
HEADER = fake.header(PLANS)
WHOLE = fake.expected(PLANS)


def command(folder: Path, shard: str, kind: str = "plain", slow_s: float = 0.0) -> list[str]:
    arguments = [str(folder), shard, kind, str(slow_s)]
    return [sys.executable, "-W", "error", "-m", "tests.study.shard_runner", *arguments]


def run(folder: Path, shard: str, kind: str = "plain") -> None:
    done = subprocess.run(
        command(folder, shard, kind), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def executed(folder: Path) -> Counter[str]:
    return Counter((folder / "executed").read_text().splitlines())


@given(st.sets(st.text(max_size=8), max_size=40), st.integers(1, 12))
def test_every_unit_is_exactly_one_shard_s_and_shards_are_even(units: set[str], of: int) -> None:
    dealt = [Shard(number, of).deal(units) for number in range(1, of + 1)]
    assert Counter(unit for part in dealt for unit in part) == Counter(units)
    sizes = sorted(map(len, dealt))
    assert sizes[-1] - sizes[0] <= 1


@pytest.mark.parametrize("text", ["0/2", "3/2", "1/0", "01/2", "1", 1, "1/2/3", "-1/2", "1/99999"])
def test_what_is_no_shard_is_refused(text: object) -> None:
    with pytest.raises(ConfigError, match=r"run\.shard"):
        Shard.parse(text)
    assert Shard.parse("3/8") == Shard(3, 8)
    assert Shard.parse(None).whole


@pytest.mark.parametrize("of", [1, 2, 5])
def test_shards_at_once_make_the_records_of_one_process(tmp_path: Path, of: int) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    names = [f"{number}/{of}" for number in range(1, of + 1)]
    children = [subprocess.Popen(command(folder, name), cwd=ROOT) for name in names]
    assert [child.wait(60) for child in children] == [0] * of
    assert canonical_lines(folder) == WHOLE
    assert len(parts_of(folder)) == of
    assert set(executed(folder).values()) == {1}
    run(folder, "1/1")  # the whole study finds nothing to do, whoever did it
    assert set(executed(folder).values()) == {1}


def test_a_killed_shard_goes_on_where_it_was_and_nothing_runs_twice(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    run(folder, "2/2")
    child = subprocess.Popen(command(folder, "1/2", "plain", 0.03), cwd=ROOT)
    file = folder / "shards" / "1-of-2" / "episodes.jsonl"
    wait_for_lines(file, 4)
    child.kill()
    child.wait()
    with file.open("ab") as handle:  # what a kill in mid-write leaves
        handle.write(WHOLE[0].encode()[:100])
    recorded = {(r.task, r.run, r.cell) for r in read_records(file)}
    run(folder, "1/2")
    assert canonical_lines(folder) == WHOLE
    again = {tuple(line.split()) for line, count in executed(folder).items() if count > 1}
    assert not again & {(task, str(number), cell) for task, number, cell in recorded}
    # Another division of what is left finds nothing left.
    run(folder, "3/3")
    assert canonical_lines(folder) == WHOLE


def test_a_study_begun_by_two_is_ended_by_three_or_by_one(tmp_path: Path) -> None:
    for rest in (("1/3", "2/3", "3/3"), ("1/1",)):
        folder = tmp_path / str(len(rest))
        folder.mkdir()
        run(folder, "1/2")
        for name in rest:
            run(folder, name)
        assert canonical_lines(folder) == WHOLE
        assert set(executed(folder).values()) == {1}


@pytest.mark.parametrize("of", [2, 5])
def test_a_chain_stays_whole_in_its_shard(tmp_path: Path, of: int) -> None:
    (tmp_path / "whole").mkdir()
    run(tmp_path / "whole", "1/1", "chains")
    folder = tmp_path / "s"
    folder.mkdir()
    for number in range(of, 0, -1):
        run(folder, f"{number}/{of}", "chains")
    assert canonical_lines(folder) == canonical_lines(tmp_path / "whole")
    assert len(canonical_lines(folder)) == len(chain_runner.PLANS)
    chains = [{r.chain for r in read_records(file) if r.chain} for file in parts_of(folder)]
    assert Counter(chain for part in chains for chain in part).most_common(1)[0][1] == 1


def test_the_same_shard_twice_another_number_or_the_whole_is_refused(tmp_path: Path) -> None:
    with Store(tmp_path, HEADER, Shard(1, 8)) as first:
        with Store(tmp_path, HEADER, Shard(2, 8)) as second:
            assert first.home != second.home
        with pytest.raises(StoreError, match=r"process \d+ is running shard 1/8; wait for it"):
            Store(tmp_path, HEADER, Shard(1, 8))
        with pytest.raises(StoreError, match=r"into 8 shards .* give run\.shard=\.\.\./8"):
            Store(tmp_path, HEADER, Shard(1, 4))
        with pytest.raises(StoreError, match="another process is running this study"):
            Store(tmp_path, HEADER)
    with Store(tmp_path, HEADER), pytest.raises(StoreError, match=r"process \d+ is running"):
        Store(tmp_path, HEADER, Shard(1, 4))
    Store(tmp_path, HEADER, Shard(1, 4)).close()


def test_the_holder_on_another_host_is_named_with_how_long_its_lock_may_last(
    tmp_path: Path,
) -> None:
    with Store(tmp_path, HEADER):
        (tmp_path / "lock").write_text("77 node12\n")
        with pytest.raises(StoreError, match=r"process 77 on node12 .* on NFS some 90 s"):
            Store(tmp_path, HEADER)


def test_a_file_system_without_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("diagnose.locks.fcntl.flock", refuse)
    with pytest.raises(StoreError, match=r"has no locks .* -o flock"):
        Store(tmp_path, HEADER)


def test_an_episode_that_two_parts_observed_is_an_error_and_one_that_was_lost_is_none(
    tmp_path: Path,
) -> None:
    seen, lost = fake.record(PLANS[0]), fake.record(PLANS[0], "not_observed", "worker_died: x")
    for number, record in ((1, seen), (2, lost)):
        with Store(tmp_path, HEADER, Shard(number, 2)) as store:
            store.append_record(record)
    assert list(read_records(tmp_path)) == list(read_records(parts_of(tmp_path)[0]))
    with Store(tmp_path, HEADER) as store:
        store.claim([seen.episode_id])
        assert store.ledger.outcomes == {seen.episode_id: seen.outcome}
    with Store(tmp_path, HEADER, Shard(2, 2)) as store:
        store.append_record(seen)
    with pytest.raises(StoreError, match="recorded twice"):
        list(read_records(tmp_path))


def test_the_table_of_a_study_is_the_same_however_it_was_divided(tmp_path: Path) -> None:
    from analysis.load import load

    frames = []
    for of in (1, 3):
        folder = tmp_path / str(of)
        folder.mkdir()
        for number in range(1, of + 1):
            run(folder, f"{number}/{of}")
        table = load(folder).table
        frames.append(table.sort_values(["task", "run", *fake.NAMES]).reset_index(drop=True))
    assert frames[0].equals(frames[1])
    assert len(frames[0]) == len(PLANS)
    assert json.loads((tmp_path / "3" / "study.json").read_text()) == json.loads(json.dumps(HEADER))
