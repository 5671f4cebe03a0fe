"""Plans are sealed once, worked through in order, and hold each file once."""

import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from headrace import storage
from headrace.failures import Conflict, DataFailure
from headrace.lake.commit import Token, commit_once, stored_token
from headrace.lake.planning import Planner
from headrace.lake.plans import Plan, PlanFolder, PlannedFile, SealedPlan
from headrace.lake.tables import create_table


@pytest.fixture
def planner(tmp_path):
    """A planner over two empty tables and a folder of source files."""
    (tmp_path / "raw").mkdir()
    roots = {name: str(tmp_path / name) for name in ("quarantine", "events")}
    for root in roots.values():
        create_table(root, pa.schema([("n", pa.int64())]))
    return Planner(
        plans=PlanFolder(str(tmp_path / "plans")),
        data_set="d",
        config="d.yaml",
        text="one",
        contract="one",
        pattern=str(tmp_path / "raw" / "*.csv"),
        roots=roots,
        cut=lambda *found: cut_as(found, ("n",)),
    )


def cut_as(found, header):
    path, status = found
    return PlannedFile(path, storage.resolved(path), *status, header, ((0, status.size),))


def deliver(planner, name, text="1\n", age=5):
    path = Path(planner.pattern).parent / name
    path.write_text(text)
    moment = time.time() - age
    os.utime(path, (moment, moment))
    return str(path)


def carry(planner, plan, *tables):
    for table in tables:
        seal = f"{plan.app(table)}/seal"
        tokens = [
            Token(plan.app(table), plan.number, plan.number - 1 or None),
            Token(seal, plan.seal, stored_token(planner.roots[table], seal)),
        ]
        commit_once(planner.roots[table], tokens, [], info={})


def names(plan):
    return [Path(f.path).name for f in plan.files]


def test_a_plan_reads_back_as_it_was_sealed(planner):
    """JSON and back gives an equal plan."""
    deliver(planner, "a.csv")
    plan = planner.next()
    assert planner.plans.read(1) == plan
    assert Plan.from_json(plan.to_json()) == plan


def test_a_plan_holds_a_header_once(planner):
    """However many files have it; a plan of 10,000 files would else be mostly headers."""
    for name in "abc":
        deliver(planner, f"{name}.csv")
    plan = replace(planner, cut=lambda *found: cut_as(found, ("wide", "wider"))).next()
    assert plan.to_json().count(b"wider") == 1
    assert {file.header for file in planner.plans.read(1).files} == {("wide", "wider")}


def test_a_plan_sealed_anew_is_not_the_one_a_run_took_up(planner):
    """What travels to the workers is its name with its seal, so a worker never reads another sealing for it."""
    deliver(planner, "a.csv")
    plan = planner.next()
    named = SealedPlan(planner.plans.folder, 1, plan.seal)
    assert named.read() == plan
    planner.__dict__.update(text="two", contract="two")
    planner.next()
    with pytest.raises(Conflict, match="plan 1 has been sealed anew"):
        named.read()


def test_a_plan_that_is_done_is_not_read_again(planner, monkeypatch):
    """A run of several plans reads the first no more often than the third."""
    monkeypatch.setattr("headrace.lake.planning.capped", lambda files: list(files)[:1])
    for name in "abcd":
        deliver(planner, f"{name}.csv")
    read, real = [], PlanFolder.read
    monkeypatch.setattr(PlanFolder, "read", lambda self, number: read.append(number) or real(self, number))
    while plan := planner.next():
        carry(planner, plan, "quarantine", "events")
    assert read.count(1) == read.count(2) == read.count(3)
    assert len(planner.plans.planned()) == 4


def test_new_files_wait_for_the_open_plan(planner):
    """While plan 1 is open, it is the next plan, and files that came later are not in it."""
    deliver(planner, "a.csv")
    first = planner.next()
    deliver(planner, "b.csv")
    assert planner.next() == first
    carry(planner, first, "quarantine", "events")
    assert names(planner.next()) == ["b.csv"]


def test_a_plan_half_committed_stays_as_it_was_sealed(planner):
    """Once a table carries the number, a changed contract does not change the plan."""
    deliver(planner, "a.csv")
    plan = planner.next()
    carry(planner, plan, "quarantine")
    planner.__dict__.update(text="two", contract="two")
    assert planner.next() == plan


def test_a_plan_nobody_carries_follows_the_mended_contract(planner):
    """It is sealed again under the same number with the new text."""
    deliver(planner, "a.csv")
    planner.next()
    planner.__dict__.update(text="two", contract="two")
    plan = planner.next()
    assert (plan.number, plan.text) == (1, "two")
    assert planner.plans.read(1) == plan


def test_two_planners_at_once_seal_one_plan(planner):
    """Of many who seal the same number one wins, the others are told."""
    deliver(planner, "a.csv")

    def seal(_):
        try:
            return planner.next()
        except Conflict:
            return None

    with ThreadPoolExecutor(8) as pool:
        sealed = [p for p in pool.map(seal, range(8)) if p]
    assert planner.plans.numbers() == [1]
    assert {tuple(names(p)) for p in sealed} == {("a.csv",)}


def test_an_abandoned_plan_frees_its_files(planner):
    """The number is spent on nothing, and the next plan holds the files."""
    deliver(planner, "a.csv")
    plan = planner.next()
    planner.plans.abandon(plan)
    spent = planner.next()
    assert spent.files == ()
    carry(planner, spent, "quarantine", "events")
    again = planner.next()
    assert (again.number, names(again)) == (2, ["a.csv"])


def test_a_changed_file_is_refused(planner):
    """A file that was ingested and then changed would be lost or counted twice."""
    deliver(planner, "a.csv")
    carry(planner, planner.next(), "quarantine", "events")
    deliver(planner, "a.csv", "1\n2\n")
    with pytest.raises(DataFailure, match=r"a\.csv: was ingested with 2 bytes and has changed since"):
        planner.next()


def test_a_vanished_file_of_the_open_plan_is_named(planner):
    """The cure is to put it back or to abandon the plan."""
    path = deliver(planner, "a.csv")
    planner.next()
    Path(path).unlink()
    with pytest.raises(DataFailure, match=r"a\.csv: the open plan 1 of d .* is gone; .*--abandon 1"):
        planner.next()


def test_files_being_written_are_left_alone(planner):
    """Hidden, underscored and .tmp names are not looked at, nor is a file still growing."""
    for name in ("_part.csv", ".x.csv", "a.csv.tmp"):
        deliver(planner, name)
    deliver(planner, "done.csv")
    growing = deliver(planner, "growing.csv", age=0)
    with ThreadPoolExecutor(1) as pool:
        plan = pool.submit(planner.next)
        time.sleep(0.3)
        Path(growing).write_text("1\n2\n")
    assert names(plan.result()) == ["done.csv"]


def test_a_backlog_becomes_several_plans(planner, monkeypatch):
    """A plan is capped in files; the rest waits for the next one."""
    monkeypatch.setattr("headrace.lake.planning.capped", lambda files: list(files)[:2])
    for name in "abc":
        deliver(planner, f"{name}.csv")
    first = planner.next()
    carry(planner, first, "quarantine", "events")
    assert (names(first), names(planner.next())) == (["a.csv", "b.csv"], ["c.csv"])


def test_no_file_at_all_is_a_mistake(planner):
    """A wrong path would otherwise look like a day without data."""
    with pytest.raises(DataFailure, match="no file fits"):
        planner.next()


def test_a_replaced_table_is_noticed(planner, tmp_path):
    """A plan belongs to the tables it was sealed for."""
    deliver(planner, "a.csv")
    planner.next()
    (tmp_path / "events").rename(tmp_path / "gone")
    create_table(planner.roots["events"], pa.schema([("n", pa.int64())]))
    with pytest.raises(Conflict, match="was sealed for another table"):
        planner.next()


def test_another_spelling_is_the_same_file(planner, monkeypatch):
    """Relative, absolute, through `..` or a link: a file that was ingested is not ingested again."""
    deliver(planner, "a.csv")
    carry(planner, planner.next(), "quarantine", "events")
    raw = Path(planner.pattern).parent
    (raw.parent / "link").symlink_to(raw)
    monkeypatch.chdir(raw.parent)
    for pattern in ("raw/*.csv", "raw/../raw/*.csv", "link/*.csv"):
        planner.__dict__.update(pattern=pattern)
        assert planner.next() is None
    planner.__dict__.update(pattern="*/*.csv")
    deliver(replace(planner, pattern=str(raw / "*.csv")), "b.csv")
    assert len(planner.next().files) == 1


def test_folders_being_written_are_left_alone(planner):
    """A pattern that looks into folders does not look into `_temporary`."""
    raw = Path(planner.pattern).parent
    (raw / "_temporary").mkdir()
    (raw / "done").mkdir()
    planner.__dict__.update(pattern=str(raw / "**" / "*.csv"))
    for folder in ("_temporary", "done"):
        deliver(replace(planner, pattern=str(raw / folder / "*.csv")), f"{folder}.csv")
    assert names(planner.next()) == ["done.csv"]


def test_a_clock_ahead_does_not_hide_a_growing_file(planner):
    """A file from the future is no reason not to look twice at the others; which are left alone is told."""
    deliver(planner, "ahead.csv", age=-3600)
    growing = deliver(planner, "growing.csv", age=0)
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(planner.new_files)
        time.sleep(0.3)
        Path(growing).write_text("1\n2\n")
    assert [Path(path).name for path, _ in found.result().complete] == ["ahead.csv"]
    assert found.result().growing == [growing]


def test_the_cure_of_a_touched_file_cures(planner):
    """The message gives the very command; after it the file is the ingested one again."""
    path = deliver(planner, "a.csv")
    carry(planner, planner.next(), "quarantine", "events")
    os.utime(path)
    with pytest.raises(DataFailure, match="touch -d") as told:
        planner.next()
    subprocess.run(str(told.value).rpartition(": ")[2].split(), check=True)
    assert planner.next() is None


def test_everything_wrong_with_a_delivery_is_told_at_once(planner):
    """Several files that cannot be cut make one failure, and no plan is sealed."""
    for name in ("a", "b", "c"):
        deliver(planner, f"{name}.csv", text="" if name != "b" else "1\n")

    def cut(path, status):
        if not status.size:
            raise DataFailure(f"{path}: the file is empty")
        return PlannedFile(path, storage.resolved(path), *status, ("n",), ((0, status.size),))

    planner.__dict__.update(cut=cut)
    with pytest.raises(DataFailure, match=r"a\.csv: the file is empty\n.*c\.csv: the file is empty$"):
        planner.next()
    assert not planner.plans.numbers()


def test_a_folder_that_went_away_is_no_empty_one(planner):
    """Without files there is nothing to do; without the folder something is wrong, also after the first plan."""
    deliver(planner, "a.csv")
    carry(planner, planner.next(), "quarantine", "events")
    shutil.rmtree(Path(planner.pattern).parent)
    with pytest.raises(DataFailure, match=r"there is no folder .*raw"):
        planner.next()
    Path(planner.pattern).parent.mkdir()
    assert planner.next() is None


def test_a_name_no_table_can_hold_is_refused(planner):
    """Bytes that are not UTF-8 in a file's name are told, before a plan is sealed."""
    deliver(planner, os.fsdecode(b"caf\xe9.csv"))
    with pytest.raises(DataFailure, match=r"the name is not UTF-8"):
        planner.next()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"files": 1}', b"\xff"])
def test_a_damaged_plan_is_named(planner, content):
    """It is no crash, and nothing is sealed after it."""
    deliver(planner, "a.csv")
    planner.next()
    (Path(planner.plans.folder) / "00000001.json").write_bytes(content)
    with pytest.raises(Conflict, match=r"00000001\.json: the plan is damaged"):
        planner.next()


def test_lost_plans_are_noticed(planner):
    """Tables that carry a plan and a folder without it: nothing is sealed, so no file is taken for done."""
    deliver(planner, "a.csv")
    plan = planner.next()
    carry(planner, plan, "quarantine", "events")
    (Path(planner.plans.folder) / "00000001.json").unlink()
    deliver(planner, "b.csv")
    with pytest.raises(Conflict, match=r"carries plan 1, but the newest in .* is none"):
        planner.next()


def test_another_sealing_of_a_number_is_not_this_plan(planner):
    """A run that outlived its driver commits the plan as it was; the plan sealed anew is not taken for done."""
    deliver(planner, "a.csv")
    old = planner.next()
    planner.__dict__.update(text="two", contract="two")
    planner.next()
    carry(planner, old, "quarantine")
    with pytest.raises(Conflict, match="as another run had sealed it"):
        planner.next()
