"""Do many runs come to an end, whatever is killed? Order, retries and troubles; real processes, and SIGKILL at them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from alexnet.study import processes, supervise
from alexnet.study.planned import PlannedRun
from alexnet.study.processes import Machine, run_all
from alexnet.study.progress import Standing, last_line
from alexnet.study.store import Store
from alexnet.study.supervise import AGAIN
from alexnet.study.work import read_task
from alexnet.training.listener import Interrupted
from many_runs import SAME, command, plan, prepare_digits, process_of, seeds, small, starts, until

#: Of the command, before it may end.
KILLS = 4


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_digits(tmp_path_factory.mktemp("set") / "digits")


class Told:
    """A `Watcher` that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.ends: list[str] = []
        self.standings: list[Standing] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    def ended(self, sentence: str) -> None:
        self.ends.append(sentence)

    def moved(self, standing: Standing) -> None:
        self.standings.append(standing)


class Pretended:
    """A `Place` whose runs end at once with the codes of `codes(seed, attempt)`; 0 leaves a finished run."""

    device, room = "cpu", 2

    def __init__(self, codes: Callable[[int, int], int | None]) -> None:
        self.codes, self.begun, self.stopped = codes, [], []  # type: ignore[var-annotated]

    def start(self, task: Path) -> Pretended.Working:
        one = read_task(task).planned
        seed = one.config.train.seed
        self.begun.append(seed)
        code = self.codes(seed, self.begun.count(seed))
        if code == 0:
            pretend(task.parent, one)
        return self.Working(self, seed, code)

    class Working:
        def __init__(self, place: Pretended, seed: int, code: int | None) -> None:
            self.place, self.seed, self.code = place, seed, code

        def poll(self) -> int | None:
            return self.code

        def stop(self) -> None:
            self.place.stopped.append(self.seed)
            self.code = self.code or -15


def pretend(run: Path, one: PlannedRun) -> None:
    """A finished run."""
    run.mkdir(parents=True, exist_ok=True)
    (run / "results.json").write_text(json.dumps({"config_digest": one.config.digest, "fingerprint": one.fingerprint}))
    (run / "measured.json").write_text(json.dumps({name: {"value": 12.0, "bound": False} for name in one.measures}))
    step = 3 * one.config.train.epochs
    line = {"kind": "epoch", "epoch": one.config.train.epochs, "step": step, "train_loss": 1.5, "seconds": 2.0 * step}
    (run / "metrics.jsonl").write_text(json.dumps(line) + "\n")


def test_the_longest_first_each_once_and_nothing_again(prepared: Path, tmp_path: Path) -> None:
    planned, told = [one for one in seeds(prepared, 3, 1) for _ in range(2)], Told()
    pretend(Store(tmp_path).run(planned[0].key), planned[0])
    place = Pretended(lambda seed, attempt: 0)
    with Store(tmp_path) as store:
        supervise.supervise(planned, store, place, progress=told)
        assert place.begun == [2, 1]
        assert told.said == ["1 of 3 runs are there already"]
        assert told.ends[0] == "2 of 3 runs: seed 2: steps took 42 s, test_error 12.00"
        assert (told.standings[-1].done, told.standings[-1].seconds_left) == (3, 0.0)
        supervise.supervise(planned, store, place, progress=told)
    assert place.begun == [2, 1]


def test_a_killed_run_is_started_again_so_often_and_no_oftener(prepared: Path, tmp_path: Path) -> None:
    planned, told = seeds(prepared, 3, 1), Told()
    place = Pretended(lambda seed, attempt: {0: 0, 1: 0 if attempt == 3 else -9, 2: -9}[seed])
    with Store(tmp_path) as store, pytest.raises(ValueError, match="seed 2 could not be made") as raised:
        supervise.supervise(planned, store, place, progress=told)
    assert [place.begun.count(seed) for seed in range(3)] == [1, 3, 1 + AGAIN]
    assert "killed 4 times, the last time by signal 9, as the system does where memory is short" in str(raised.value)
    assert "all other runs are done" in str(raised.value)
    assert sum("started again" in sentence for sentence in told.said) == 2 + AGAIN


def test_a_crash_is_one_sentence_after_all_others_ended(prepared: Path, tmp_path: Path) -> None:
    planned = seeds(prepared, 3, 1)

    def codes(seed: int, attempt: int) -> int:
        log = tmp_path / "runs" / planned[seed].key / "log.txt"
        log.write_text("Traceback\n  some line\nKeyError: 'who'\n" if seed == 2 else "alexnet: no room\n")
        return seed

    place = Pretended(lambda seed, attempt: (0, 2, 1)[codes(seed, attempt)])
    with Store(tmp_path) as store, pytest.raises(RuntimeError) as raised:
        supervise.supervise(planned, store, place)
    assert sorted(place.begun) == [0, 1, 2]
    log = tmp_path / "runs" / planned[2].key / "log.txt"
    assert str(raised.value).startswith(f"seed 2 could not be made: KeyError: 'who' ({log}); nor could 1 more;")
    place = Pretended(lambda seed, attempt: (0, 2, 0)[codes(seed, attempt)])
    with Store(tmp_path) as store, pytest.raises(ValueError, match=r"seed 1 could not be made: no room \("):
        supervise.supervise(planned, store, place)


def test_a_signal_stops_the_runs_and_says_what_goes_on(prepared: Path, tmp_path: Path) -> None:
    place, told = Pretended(lambda seed, attempt: None), Told()
    told.moved = lambda standing: os.kill(os.getpid(), signal.SIGINT)  # type: ignore[method-assign]
    with Store(tmp_path) as store, pytest.raises(Interrupted) as raised:
        supervise.supervise(seeds(prepared, 3, 1), store, place, progress=told, command="alexnet reproduce it")
    assert (raised.value.signal_number, raised.value.command) == (signal.SIGINT, "alexnet reproduce it")
    assert sorted(place.stopped) == [1, 2]


def test_the_time_left_comes_from_what_was_measured(prepared: Path, tmp_path: Path) -> None:
    from alexnet.study.progress import Board, sizes_of

    narrow, wide = seeds(prepared, 2, 2), [plan(prepared, small(model__width=0.5))]
    planned, store = [*narrow, *wide], Store(tmp_path)
    sizes = sizes_of(planned)
    assert [sizes[one.key].steps for one in planned] == [6, 15, 3]
    assert sizes[wide[0].key].work > 2 * sizes[narrow[0].key].work
    board = Board(planned, sizes, store, running=1)
    assert board.standing(()).seconds_left is None
    pretend(store.run(narrow[0].key), narrow[0])
    board.ended(narrow[0].key)
    ratio = sizes[wide[0].key].work / sizes[narrow[0].key].work
    assert board.standing(()).seconds_left == pytest.approx(15 * 2.0 + 3 * 2.0 * ratio)
    run = store.run(narrow[1].key)
    run.mkdir()
    (run / "metrics.jsonl").write_text(
        '{"kind": "epoch", "epoch": 2, "step": 6, "train_loss": 0.5, "seconds": 12.0}\n{"kind": "interv'
    )
    standing = board.standing([narrow[1].key])
    line = standing.lines[0]
    assert (line.epoch, line.epochs, line.loss, line.share) == (3, 5, 0.5, 0.4)
    assert standing.seconds_left == pytest.approx(9 * 2.0 + 3 * 2.0 * ratio)
    assert last_line(tmp_path) is None


def test_gpus_are_dealt_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, str]] = []

    class Endless:
        def __init__(self, task: Path, threads: int, environment: dict[str, str]) -> None:
            given.append(environment)

        def poll(self) -> None: ...

    from alexnet.device import Machine as Found

    found = Found(device="cuda", threads=1, memory=1 << 30, bf16=True, name="test")
    monkeypatch.setattr("alexnet.device.choose", lambda device: found)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    monkeypatch.setattr(processes, "Process", Endless)
    place = Machine(jobs=0, device="auto", threads=1)
    assert (place.device, place.room) == ("cuda", 2)
    for _ in range(4):
        place.start(tmp_path)
    assert [one["CUDA_VISIBLE_DEVICES"] for one in given] == ["3", "5", "3", "5"]
    for wrong, word in (({"jobs": -1, "threads": 1}, "--jobs"), ({"jobs": 0, "threads": 0}, "--threads")):
        with pytest.raises(ValueError, match=word):
            Machine(device="cpu", **wrong)


def test_real_processes_make_results_and_failures(prepared: Path, tmp_path: Path) -> None:
    planned = [plan(prepared, small()), plan(prepared, small(optim__rate=1e30), about="too fast")]
    told = Told()
    with Store(tmp_path) as store:
        run_all(planned, store, jobs=2, device="cpu", progress=told)
        assert store.value(planned[0].key, "test_error") is not None
        assert "not finite" in store.failure(planned[1].key)
        assert [starts(store.run(one.key)) for one in planned] == [1, 1]
        run_all(planned, store, jobs=2, device="cpu", progress=told)
        assert [starts(store.run(one.key)) for one in planned] == [1, 1]
    assert len(told.ends) == 2
    assert any("too fast: failed: the loss" in sentence for sentence in told.ends)
    assert (told.standings[-1].done, told.standings[-1].failed) == (2, 1)


@pytest.fixture(scope="module")
def undisturbed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Three runs, made without disturbance."""
    store = Store(tmp_path_factory.mktemp("undisturbed"))
    with store:
        run_all(seeds(prepared, 3, 20), store, jobs=1, device="cpu")
    return store


def kill_in_the_middle(parent: subprocess.Popen[str], runs: list[Path]) -> bool:
    """Kill the command as soon as one of these runs has come further; False if it had ended before."""
    before = [last_line(run) for run in runs]
    until(lambda: parent.poll() is not None or [last_line(run) for run in runs] != before)
    ended = parent.poll() is not None
    parent.kill()
    return not ended


def the_same(planned: list[PlannedRun], one: Store, other: Store) -> None:
    for run in planned:
        for name in SAME:
            assert (one.run(run.key) / name).read_bytes() == (other.run(run.key) / name).read_bytes(), name


@pytest.mark.slow
def test_a_command_killed_again_and_again_repeats_nothing(prepared: Path, tmp_path: Path, undisturbed: Store) -> None:
    planned, store = seeds(prepared, 3, 20), Store(tmp_path)
    runs = [store.run(one.key) for one in planned]
    made: dict[Path, int] = {}
    kills = 0
    while not all(store.finished(one.key, one.measures) for one in planned):
        parent = command("local", tmp_path, prepared, 3, 20, 1)
        if kills < KILLS:
            kills += kill_in_the_middle(parent, [run for run in runs if not (run / "results.json").exists()])
        _, complaint = parent.communicate(timeout=300)
        assert parent.returncode in (0, -9), complaint
        for run in runs:
            if (run / "measured.json").exists():
                changed = (run / "results.json").stat().st_mtime_ns
                assert made.setdefault(run, changed) == changed, "a finished run was made again"
    assert kills == KILLS
    assert sum(starts(run) for run in runs) <= len(runs) + kills
    the_same(planned, store, undisturbed)


@pytest.mark.slow
def test_workers_do_not_outlive_their_command(prepared: Path, tmp_path: Path, undisturbed: Store) -> None:
    planned, store = seeds(prepared, 3, 20), Store(tmp_path)
    first = store.run(planned[2].key)
    parent = command("local", tmp_path, prepared, 3, 20, 1)
    until(lambda: last_line(first) is not None)
    worker = process_of(first)
    parent.kill()
    parent.communicate()
    until(lambda: not Path(f"/proc/{worker}").exists() if Path("/proc").exists() else True, 30)
    assert "interrupted, and saved" in (first / "log.txt").read_text()
    assert not (first / "results.json").exists()

    parent = command("local", tmp_path, prepared, 3, 20, 2)
    until(lambda: starts(first) == 2 and process_of(first) != worker)
    os.kill(process_of(first), signal.SIGKILL)
    until(lambda: starts(first) == 3)
    time.sleep(1)
    parent.send_signal(signal.SIGTERM)
    _, complaint = parent.communicate(timeout=120)
    assert parent.returncode == 143, complaint
    assert "to continue: again" in complaint
    with store:
        run_all(planned, store, jobs=2, device="cpu")
    the_same(planned, store, undisturbed)
