"""What damages a study's files is found, and mended where nothing is lost by it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.compacted import NAME as PARQUET
from analysis.load import load
from diagnose.cli.main import main
from diagnose.index import NAME, read_index, record_at
from diagnose.shards import Shard
from diagnose.store import Store, canonical_lines
from tests.study import fake

PLANS = fake.plans()
FACTORS = [
    {"name": one.name, "capacity": one.capacity, "levels": list(one.levels)} for one in fake.FACTORS
]
TASKS = [
    {"family": "A", "level": level, "lamps": 1, "area_side": 9, "params": {}} for level in (1, 2, 3)
]
HEADER = {
    "study": "fake", "factors": FACTORS, "design": "one_at_a_time", "runs": 2, "tasks": TASKS,
    "episodes": len(PLANS),
}  # fmt: skip
WHOLE = fake.expected(PLANS)


def study(folder: Path, shard: Shard | None = None) -> Path:
    """A finished study; of two shards where ``shard`` names one of them."""
    for one in [Shard()] if shard is None else [Shard(1, 2), Shard(2, 2)]:
        with Store(folder, HEADER, one) as store:
            for plan in PLANS[one.number - 1 :: one.of]:
                store.append_record(fake.execute(plan))
    return folder / "episodes.jsonl" if shard is None else folder / "shards/1-of-2/episodes.jsonl"


def doctor(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    code = main(["doctor", str(folder), *options])
    return code, capsys.readouterr().out


@pytest.mark.parametrize("shard", [None, Shard(1, 2)])
def test_a_sound_study_is_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shard: Shard | None
) -> None:
    study(tmp_path, shard)
    assert doctor(tmp_path, capsys) == (0, f"{tmp_path}: sound\n")


def torn(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-30])


def garbage(file: Path) -> None:
    with file.open("ab") as handle:
        handle.write(b"\x00\n\xff{}\n{")


def broken(file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:3], b"#" + lines[3][1:], *lines[4:]]))


def twice(file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines, lines[1]]))


def unindexed(file: Path) -> None:
    file.with_name(NAME).unlink()


def misindexed(file: Path) -> None:
    index = file.with_name(NAME)
    index.write_bytes(b"".join(index.read_bytes().splitlines(keepends=True)[:4]) + b"[1,2")


DAMAGE = [torn, garbage, broken, twice, unindexed, misindexed]


@pytest.mark.parametrize("shard", [None, Shard(1, 2)])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_mended_and_what_was_lost_runs_again(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], None],
    shard: Shard | None,
) -> None:
    file = study(tmp_path, shard)
    before = file.read_bytes()
    damage(file)
    damaged = file.read_bytes()
    code, told = doctor(tmp_path, capsys)
    assert code == 1
    assert "--repair mends it" in told
    assert file.read_bytes() == damaged  # looking changes nothing
    code, told = doctor(tmp_path, capsys, "--repair")
    assert (code, told.splitlines()[-1]) == (0, f"{tmp_path}: sound")
    aside = file.with_name("episodes.torn")
    kept = file.read_bytes() + (aside.read_bytes() if aside.exists() else b"")
    assert sorted(kept.splitlines()) == sorted(damaged.splitlines())  # nothing is thrown away
    with Store(tmp_path, HEADER) as store:
        store.claim([fake.identify(plan) for plan in PLANS])
        for plan in PLANS:
            if fake.identify(plan) not in store.ledger.outcomes:
                store.append_record(fake.execute(plan))
    assert canonical_lines(tmp_path) == WHOLE
    assert before.count(b"\n") == (len(PLANS) if shard is None else len(PLANS) // 2)


def test_a_line_that_was_changed_and_a_stray_one_are_told_and_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = study(tmp_path)
    changed = file.read_bytes().replace(b'"turns":3', b'"turns":4', 1)
    file.write_bytes(changed)
    code, told = doctor(tmp_path, capsys, "--repair")
    assert code == 1
    assert "line 1 (byte 0): is not what was written" in told
    stray = fake.record(fake.plans(tasks=4)[-1]).to_line().replace("A-L1", "A-L4")
    with file.open("a") as handle:
        handle.write(stray)
    code, told = doctor(tmp_path, capsys, "--repair")
    assert code == 1
    assert "is no episode of this study's plan" in told or "recorded twice" in told
    assert file.read_bytes() == changed + stray.encode()


def test_a_running_study_is_not_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = study(tmp_path)
    with Store(tmp_path, HEADER):
        torn(file)
        assert main(["doctor", str(tmp_path), "--repair"]) == 2
    assert "is running this study" in capsys.readouterr().err


def test_the_index_tells_where_every_record_stands(tmp_path: Path) -> None:
    file = study(tmp_path)
    index = read_index(file)
    assert not index.stale
    assert [record_at(place) for place in index.places] == [
        record_at(place) for place in read_index(file, check=True).places
    ]
    assert [place.entry.cell for place in index.places] == [plan.cell for plan in PLANS]
    assert [place.length for place in index.places] == [
        len(fake.execute(plan).to_line().encode()) for plan in PLANS
    ]


@pytest.mark.parametrize("shard", [None, Shard(1, 2)])
def test_a_compacted_study_is_the_same_table_and_is_passed_over_when_it_is_old(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shard: Shard | None
) -> None:
    file = study(tmp_path, shard)
    with Store(tmp_path, HEADER, shard or Shard()) as store:
        store.append_timing({"episode_id": "x", "seconds": 1.0})
    before = load(tmp_path)
    assert main(["compact", str(tmp_path)]) == 0
    assert f"{len(PLANS)} episodes" in capsys.readouterr().out
    after = load(tmp_path)
    assert after.table.equals(before.table)
    assert (after.factors, after.capacities, after.name) == (
        before.factors, before.capacities, before.name,
    )  # fmt: skip
    kept = (tmp_path / PARQUET).read_bytes()
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]))
    assert len(load(tmp_path).table) == len(PLANS) - 1
    (tmp_path / PARQUET).write_bytes(kept[: len(kept) // 2])
    assert len(load(tmp_path).table) == len(PLANS) - 1


def test_a_field_of_several_types_is_refused_and_leaves_no_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = study(tmp_path)
    first, rest = file.read_bytes().split(b"\n", 1)
    file.write_bytes(first.replace(b'"run":0', b'"run":"zero"') + b"\n" + rest)
    assert main(["compact", str(tmp_path)]) == 2
    assert "of several types" in capsys.readouterr().err
    assert not (tmp_path / PARQUET).exists()
