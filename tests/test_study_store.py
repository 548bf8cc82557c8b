"""Does a study know what it has done? A complete config trained into a run's folder, measured, found again, refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from alexnet.cli.main import main
from alexnet.study import work as working
from alexnet.study.planned import PlannedRun
from alexnet.study.store import Number, Store
from alexnet.study.work import Task, read_task, work, write_task
from alexnet.training import complete
from alexnet.training.complete import train_config
from alexnet.training.finish import make_page
from alexnet.training.listener import Interrupted, Progress, Silent
from alexnet.training.loop import Diverged
from alexnet.training.run import load
from many_runs import plan, prepare_digits, small


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_digits(tmp_path_factory.mktemp("set") / "digits")


@pytest.fixture(scope="module")
def made(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PlannedRun]:
    """A store with one finished run. Do not write into it."""
    folder, one = tmp_path_factory.mktemp("store"), plan(prepared, small())
    with Store(folder) as store:
        work(write_task(Task(planned=one, device="cpu", threads=1), store.run(one.key)))
    return folder, one


@pytest.fixture
def own(made: tuple[Path, PlannedRun], tmp_path: Path) -> tuple[Store, PlannedRun]:
    """The same, to write into."""
    shutil.copytree(made[0], tmp_path / "store")
    return Store(tmp_path / "store"), made[1]


def test_a_finished_run_is_found_with_its_numbers(made: tuple[Path, PlannedRun]) -> None:
    store, one = Store(made[0]), made[1]
    assert store.finished(one.key, one.measures)
    assert not store.finished(one.key, ["train_error"])
    number = store.value(one.key, "test_error")
    results = json.loads((store.run(one.key) / "results.json").read_text())
    assert number == Number(value=results["scores"][0]["top1_error"]["value"], bound=False)
    assert store.failure(one.key) == ""
    assert store.seconds(one.key) > 0
    assert store.missing([one, one]) == []
    with pytest.raises(ValueError, match="has no train_error yet; the same command again makes it"):
        store.value(one.key, "train_error")


def test_equal_keys_are_one_run_with_all_their_measures(made: tuple[Path, PlannedRun]) -> None:
    store, one = Store(made[0]), made[1]
    more = dataclasses.replace(one, measures=("train_error", "test_error"))
    other = dataclasses.replace(one, key="0" * 33)
    missing = store.missing([one, more, other, other])
    assert [(found.key, found.measures) for found in missing] == [
        (one.key, ("test_error", "train_error")),
        (other.key, ("test_error",)),
    ]


def test_a_task_is_read_as_it_was_written(made: tuple[Path, PlannedRun], tmp_path: Path) -> None:
    task = Task(planned=dataclasses.replace(made[1], start=tmp_path / "w"), device="cuda", threads=3, save_every=1.0)
    assert read_task(write_task(task, tmp_path / "run")) == task
    (tmp_path / "run" / "task.json").write_text("{}")
    with pytest.raises(ValueError, match="is not a task of a study"):
        read_task(tmp_path / "run" / "task.json")


def test_a_finished_run_is_only_measured_further(
    own: tuple[Store, PlannedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, one = own
    monkeypatch.setattr(complete, "train_network", lambda *_, **__: pytest.fail("trained again"))
    more = dataclasses.replace(one, measures=("test_error", "train_error"))
    work(write_task(Task(planned=more, device="cpu", threads=1), store.run(one.key)))
    assert store.finished(one.key, more.measures)


def test_what_is_damaged_or_another_run_is_refused(own: tuple[Store, PlannedRun]) -> None:
    store, one = own
    run = store.run(one.key)
    for change, what in (({"config_digest": "0" * 16}, "settings"), ({"fingerprint": "0" * 64}, "pictures")):
        kept = (run / "results.json").read_text()
        (run / "results.json").write_text(json.dumps(json.loads(kept) | change))
        with pytest.raises(ValueError, match=f"holds a run of other {what} than its name says; move it away"):
            store.finished(one.key)
        (run / "results.json").write_text(kept)
    (run / "measured.json").write_text("{")
    with pytest.raises(ValueError, match=r"measured\.json is damaged: .*; remove \S+measured\.json, and the same"):
        store.missing([one])
    (run / "results.json").write_text("[1]")
    with pytest.raises(ValueError, match=rf"results\.json is damaged: it holds no names; remove \S+{one.key}, and"):
        store.missing([one])


def test_a_study_in_use_names_the_process(tmp_path: Path) -> None:
    with Store(tmp_path / "s"), pytest.raises(ValueError, match=r"the study .* is in use by process"):
        Store(tmp_path / "s").__enter__()
    with Store(tmp_path / "s"):
        pass


def test_a_loss_that_is_not_finite_is_a_result(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, one = Store(tmp_path), plan(prepared, small(optim__rate=1e30))
    work(write_task(Task(planned=one, device="cpu", threads=1), store.run(one.key)))
    assert "not finite" in store.failure(one.key)
    assert store.finished(one.key, one.measures)
    assert store.value(one.key, "test_error") is None
    with pytest.raises(Diverged):
        train_config(one.config, prepared, tmp_path / "alone", device="cpu", threads=1)


def test_other_pictures_than_planned_are_no_result(prepared: Path, tmp_path: Path) -> None:
    one = dataclasses.replace(plan(prepared, small()), fingerprint="0" * 64)
    path = write_task(Task(planned=one, device="cpu", threads=1), tmp_path / "run")
    with pytest.raises(ValueError, match="are not those that the study was planned for"):
        work(path)
    assert working.main([str(path)]) == 2
    assert not (tmp_path / "run" / "failed.json").exists()


class Stopper(Silent):
    def __init__(self, step: int) -> None:
        self._step = step

    def stepped(self, progress: Progress) -> None:
        if progress.step == self._step:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGTERM)


def test_a_complete_config_is_trained_stopped_and_gone_on_with(prepared: Path, tmp_path: Path) -> None:
    config, words = small(train__epochs=2), {"device": "cpu", "threads": 1}
    whole = train_config(config, prepared, tmp_path / "whole", **words)  # type: ignore[arg-type]
    assert [scores["protocol"] for scores in whole.results["scores"]] == ["centre"]
    for name in ("figures", "report.html", "forecast.json"):
        assert not (whole.folder / name).exists()
    with pytest.raises(Interrupted):
        train_config(config, prepared, tmp_path / "cut", listener=Stopper(4), **words)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="holds a run with other settings; move it away"):
        train_config(small(), prepared, tmp_path / "cut", **words)  # type: ignore[arg-type]
    again = train_config(
        config, prepared, tmp_path / "cut", device="cpu", threads=2
    )  # it began with 1, and keeps to it
    assert json.loads((again.folder / "environment.json").read_text())["threads"] == 1
    for name in ("weights/last.safetensors", "predictions.csv", "results.json"):
        assert (again.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_resume_goes_on_with_such_a_run_and_says_where_it_is_finished(
    made: tuple[Path, PlannedRun], prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config: dict[str, Any] = {"device": "cpu", "threads": 1}
    with pytest.raises(Interrupted):
        train_config(made[1].config, prepared, tmp_path / "cut", listener=Stopper(2), **config)
    assert main(["resume", str(tmp_path / "cut"), "--quiet"]) == 0
    done = Store(made[0]).run(made[1].key)
    last = "weights/last.safetensors"
    assert (tmp_path / "cut" / last).read_bytes() == (done / last).read_bytes()
    capsys.readouterr()
    assert main(["resume", str(done)]) == 0
    out, err = capsys.readouterr()
    assert "is finished; --extend N adds epochs" in err
    assert "report" not in out


def test_the_page_is_made_later(own: tuple[Store, PlannedRun]) -> None:
    from alexnet.device import choose

    run = load(own[0].run(own[1].key))
    before = {path.name: path.read_bytes() for path in run.folder.iterdir() if path.is_file()}
    make_page(run, run.data(), choose("cpu", 1))
    assert "What it gets right" in (run.folder / "report.html").read_text()
    assert (run.folder / "figures" / "first_batch.png").exists()
    assert {name: (run.folder / name).read_bytes() for name in before} == before


def test_weights_to_start_from_are_kept_with_the_run(
    made: tuple[Path, PlannedRun], prepared: Path, tmp_path: Path
) -> None:
    weights = Store(made[0]).run(made[1].key) / "weights" / "last.safetensors"
    with pytest.raises(Interrupted):
        train_config(small(), prepared, tmp_path / "run", device="cpu", threads=1, start=weights, listener=Stopper(1))
    assert (tmp_path / "run" / "start.safetensors").read_bytes() == weights.read_bytes()
