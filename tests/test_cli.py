"""Does the command line do what a person types, and say in one sentence what it cannot do?"""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import subprocess
import sys
import time
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings as how
from hypothesis import strategies as some

from alexnet.cli import settings
from alexnet.cli.console import Console, duration, scores_line
from alexnet.cli.main import VERBS, main
from alexnet.cli.settings import SHORT, field_docs, settings_type
from alexnet.cli.words import parse, share
from alexnet.config import Config, ModelConfig, field_names, get
from alexnet.recipes import RECIPES
from alexnet.scoring.scores import score
from alexnet.tables import TABLES
from alexnet.training.listener import Interrupted, Progress


def start(*words: str, timeout: float = 300, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command as a person starts it."""
    command = [sys.executable, "-m", "alexnet", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **options)


# --- the page of verbs ----------------------------------------------------------------------------------------------


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    page = capsys.readouterr().out
    for verb in VERBS:
        assert re.search(rf"^    {verb.name} +{re.escape(verb.purpose)}$", page, re.M)
    assert max(map(len, page.splitlines())) <= 110


def test_no_word_shows_help_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: alexnet" in capsys.readouterr().out


def test_unknown_verb_suggests(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian", "digits"]) == 2
    assert capsys.readouterr().err == "alexnet: there is no verb 'trian'; did you mean 'train'?\n"
    assert main(["xyzzy"]) == 2
    assert "alexnet --help" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_explains_itself(verb: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb.name, "--help"]) == 0
    page = capsys.readouterr().out
    assert f"usage: alexnet {verb.name}" in page
    assert max(map(len, page[: page.index("usage:")].splitlines())) <= 80
    blocks = re.split(r"^\W*(?=--[a-z])", re.sub(r"[│╰╯─]", " ", page[page.index("--help") :]), flags=re.M)
    bare = [block for block in blocks if not re.search(r"[a-z]+ [a-z]+", re.sub(r"\{.*?\}", "", block))]
    assert len(blocks) > 1
    assert not [block for block in bare if block], "options without a word of explanation"


def test_mistakes_read_the_same_without_lines_to_draw() -> None:
    """Where the terminal is not UTF-8, tyro draws another box."""
    for encoding in ("utf-8", "latin-1"):
        done = start("prepare", "x", env=os.environ | {"PYTHONIOENCODING": encoding})
        assert (done.returncode, done.stderr) == (2, "alexnet: prepare needs OUT; see `alexnet prepare --help`\n")


# --- settings -------------------------------------------------------------------------------------------------------


def read(words: Sequence[str], config: Config | None = None) -> dict[str, Any]:
    kind = settings_type(config or Config(), "paper")
    return settings.changes(parse(kind, words, verb="train", about=""), words)


def words_for(name: str, value: Any, *, equals: bool = False) -> list[str]:
    part, leaf = name.replace("_", "-").split(".")
    if isinstance(value, bool):
        return [f"--{part}.{leaf}" if value else f"--{part}.no-{leaf}"]
    if isinstance(value, tuple):
        return [f"--{part}.{leaf}", *map(str, value)]
    return [f"--{part}.{leaf}={value}"] if equals else [f"--{part}.{leaf}", str(value)]


def values_like(name: str) -> some.SearchStrategy[Any]:
    """Values of a field's type."""
    old = get(Config(), name)
    if isinstance(old, bool):
        return some.booleans()
    if isinstance(old, int):
        return some.integers(0, 10**6)
    if isinstance(old, float):
        return some.floats(0, 1e6, allow_nan=False)
    if isinstance(old, tuple):
        inner = some.sampled_from(("conv3", "fc7")) if name == "model.without" else some.integers(0, 500)
        return some.lists(inner, max_size=4).map(tuple)
    return some.just(old)


FIELDS = field_names(Config())


@how(max_examples=40, deadline=None)
@for_all(
    picked=some.sets(some.sampled_from(FIELDS), max_size=6).flatmap(
        lambda names: some.fixed_dictionaries({name: values_like(name) for name in names})
    ),
    equals=some.booleans(),
)
def test_exactly_what_was_given_arrives(picked: dict[str, Any], equals: bool) -> None:
    words = [word for name, value in picked.items() for word in words_for(name, value, equals=equals)]
    assert read(words) == picked


def test_a_value_equal_to_the_default_was_still_given() -> None:
    assert read(["--data.size", str(Config().data.size)]) == {"data.size": Config().data.size}
    assert read([]) == {}


def test_short_names_stand_for_dotted_ones() -> None:
    assert set(SHORT.values()) <= set(FIELDS)
    words = "--seed 3 --epochs 2 --batch=8 --size 64 --fit squash --limit 10 --precision bf16 --rate .5 --table quick"
    assert read(words.split()) == {
        "data.size": 64,
        "data.fit": "squash",
        "model.table": "quick",
        "optim.rate": 0.5,
        "train.epochs": 2,
        "train.batch": 8,
        "train.seed": 3,
        "train.precision": "bf16",
        "train.limit": 10,
    }


def test_underscores_and_hyphens_are_one() -> None:
    assert read(["--data.split_seed", "4"]) == read(["--data.split-seed", "4"]) == {"data.split_seed": 4}
    assert read(["--optim.no_decay_biases"]) == {"optim.decay_biases": False}


def test_recipe_stands_behind_the_options() -> None:
    kind = settings_type(RECIPES["cifar-26"].config, "cifar-26")
    read_in = parse(kind, ["--epochs", "1"], verb="train", about="")
    assert read_in.data.size == RECIPES["cifar-26"].config.data.size
    assert read_in.train.epochs == 1


def test_help_shows_short_beside_dotted_and_whose_values(capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "--help"])
    page = re.sub(r"\s+", " ", re.sub(r"[╭─╮╰╯│|+]", " ", capsys.readouterr().out))
    assert "--size INT, --data.size INT" in page
    assert "--epochs INT, --train.epochs INT Passes over the training pictures. (paper: 90)" in page
    assert "chosen for your pictures and this machine" in page
    main(["train", "--recipe", "cifar-26", "--help"])
    page = re.sub(r"\s+", " ", re.sub(r"[╭─╮╰╯│|+]", " ", capsys.readouterr().out))
    assert f"(cifar-26: {RECIPES['cifar-26'].config.train.epochs})" in page
    assert "(paper:" not in page


def test_every_setting_is_explained() -> None:
    for name in FIELDS:
        part, leaf = name.split(".")
        docs = field_docs(type(getattr(Config(), part)))
        assert docs.get(leaf, "").endswith("."), f"{name} has no docstring under it"
    assert field_docs(ModelConfig)["table"].startswith("Name of the table")


MISTAKES = [
    (["train"], "train needs SOURCE"),
    (["train", "x", "--recipe", "quik"], "did you mean 'quick'?"),
    (["train", "x", "--optim.ratee", "1"], "train has no option --optim.ratee; did you mean --optim.rate?"),
    (["train", "x", "--rule", "sgd"], "did you mean --optim.rule?"),
    (["train", "x", "--epoch=3"], "did you mean --epochs?"),
    (["train", "x", "y"], "train takes no 'y' here"),
    (["train", "x", "--epochs", "ten"], "takes a whole number, not 'ten'"),
    (["train", "x", "--rate", "high"], "takes a number, not 'high'"),
    (["train", "x", "--epochs"], "--epochs/--train.epochs needs a value"),
    (["train", "x", "--fit", "stretch"], "cannot be 'stretch'; it is one of 'crop', 'squash', 'letterbox'"),
    (["train", "x", "--max-left-out", "lots"], "--max-left-out takes a share such as 5% or 0.05, not 'lots'"),
    (["train", "x", "--max-left-out", "500%"], "between 0% and 100%"),
    (["prepare", "x"], "prepare needs OUT"),
    (["prepare"], "prepare needs SOURCE and OUT"),
    (["predict", "x"], "predict needs pictures"),
    (["predict", "x", "y", "--top", "0"], "--top takes a number of classes"),
    (["evaluate", "x", "--protocol", "eleven"], "it is one of 'centre', 'ten', 'nine'"),
    (["resume", "x", "--extend", "-1"], "--extend"),
    (["recipes", "a", "b", "c"], "at most two names, not 3"),
    (["recipes", "papr"], "did you mean 'paper'?"),
    (["summary", "papr"], "paper"),
    (["train", "no-such-folder"], "no-such-folder"),
    (["evaluate", "no-such-run"], "no-such-run"),
    (["resume", "no-such-run"], "no-such-run"),
]


@pytest.mark.parametrize(
    ("words", "said"), MISTAKES, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_a_mistake_is_one_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("alexnet: ")
    assert err.count("\n") == 1
    assert said in err
    assert not list(tmp_path.rglob("*.json")), "a mistake leaves no run's folder behind"


def test_shares() -> None:
    assert share("5%", "--x") == share("0.05", "--x") == 0.05
    assert share("0", "--x") == 0
    with pytest.raises(ValueError, match="not 'x%'"):
        share("x%", "--x")


# --- train hands over exactly what was asked --------------------------------------------------------------------------


class Asked:
    """Stands in for `training.start`: notes what it is called with."""

    def __init__(self, folder: Path, error: BaseException | None = None) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        scores = {"split": "val", "protocol": "centre", "n": 10, "loss": 0.5, "note": ""}
        interval = {"value": 10.0, "low": 1.0, "high": 40.0}
        self.results = {"scores": [scores | {"top1_error": interval, "top5_error": interval}]}
        self.folder, self.error = folder, error

    def train(self, *arguments: Any, **named: Any) -> Any:
        self.calls.append((arguments, named))
        if "folder" in named:
            named["folder"].close()
        if self.error is not None:
            raise self.error
        self.folder.mkdir(exist_ok=True)
        (self.folder / "report.html").touch()
        return types.SimpleNamespace(folder=self.folder, results=self.results, classes=tuple(range(10)))

    resume = train


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    monkeypatch.chdir(tmp_path)
    stand_in = Asked(tmp_path / "out")
    monkeypatch.setitem(sys.modules, "alexnet.training.start", stand_in)  # type: ignore[arg-type]
    return stand_in


def test_train_hands_over_what_was_given(asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = "train digits --out out --recipe quick --seed 0 --optim.no-nesterov --threads 2 --max-left-out 10%"
    assert main(words.split()) == 0
    (((source,), named),) = asked.calls
    assert source == "digits"
    assert named["recipe"] == "quick"
    assert named["changes"] == {"optim.nesterov": False, "train.seed": 0}
    assert (named["device"], named["threads"], named["max_left_out"]) == ("auto", 2, 0.1)
    assert named["folder"].path == Path("out")
    asked_for = json.loads((tmp_path / "out" / "request.json").read_text())
    assert asked_for["changes"] == named["changes"]
    assert asked_for["source"] == "digits"
    assert "report.html" in capsys.readouterr().out


def test_json_is_one_object_and_nothing_else(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "digits", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["scores"] == asked.results["scores"]
    assert main(["resume", "somewhere", "--json", "--extend", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"] == str(asked.folder)
    assert asked.calls[-1][0] == ("somewhere",)
    assert asked.calls[-1][1]["extend"] == 2


SAVED = "interrupted, and saved; to continue: alexnet resume runs/x"
ENDINGS = [
    (ValueError("the folder x is empty\nput pictures in"), 2, "the folder x is empty put pictures in"),
    (RuntimeError("boom"), 1, "RuntimeError: boom; this is a fault of alexnet, and --debug shows where"),
    (OSError(28, "No space left", "x"), 1, "the system refuses: No space left (x); --debug shows where"),
    (KeyboardInterrupt(), 130, "interrupted before there was anything to save"),
    (Interrupted(2, "alexnet resume runs/x"), 130, SAVED),
    (Interrupted(15, "alexnet resume runs/x"), 143, SAVED),
]


@pytest.mark.parametrize(
    ("error", "code", "said"), ENDINGS, ids=["user", "ours", "system", "early Ctrl-C", "Ctrl-C", "SIGTERM"]
)
def test_how_it_ends(
    asked: Asked, error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked.error = error
    assert main(["train", "digits"]) == code
    assert capsys.readouterr().err == f"alexnet: {said}\n"


def test_debug_shows_where(asked: Asked) -> None:
    asked.error = ValueError("deep inside")
    with pytest.raises(ValueError, match="deep inside"):
        main(["--debug", "train", "digits"])
    with pytest.raises(ValueError, match="deep inside"):
        main(["train", "digits", "--debug"])


def test_a_reader_that_leaves_is_no_error() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "alexnet", "recipes", "paper"]
    done = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (141, "")


# --- looking things up ------------------------------------------------------------------------------------------------


def test_recipes_list_show_and_compare(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes"]) == 0
    listed = capsys.readouterr().out
    assert all(re.search(rf"^{name}$", listed, re.M) for name in RECIPES)
    assert main(["recipes", "source"]) == 0
    assert json.loads(capsys.readouterr().out)["model"]["table"] == "source"
    assert main(["recipes", "paper", "source"]) == 0
    assert re.search(r"^optim\.bias_rate +1\.0 +2\.0$", capsys.readouterr().out, re.M)
    assert main(["recipes", "paper", "source", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["optim.bias_rate"] == [1.0, 2.0]
    assert main(["recipes", "paper", "paper"]) == 0
    assert "equal in every setting" in capsys.readouterr().out


def test_summary_lists_and_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary"]) == 0
    listed = capsys.readouterr().out
    assert all(re.search(rf"^{name} +\d+ px", listed, re.M) for name in TABLES)
    assert main(["summary", "paper", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["parameters"] == 60_965_224
    assert {"macs", "layers", "memory"} <= set(told)
    assert main(["summary", "paper"]) == 0
    page = capsys.readouterr().out
    assert "60,965,224" in page
    assert "conv1" in page


def test_summary_shows_what_an_edit_makes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "paper", "--model.columns", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == 62_378_344
    words = "summary quick --classes 10 --model.without conv3 norm4 --model.norm response --model.residual"
    assert main(words.split()) == 0
    page = capsys.readouterr().out
    assert "  model.without conv3 norm4\n  model.norm response\n  model.residual True\n" in page
    assert "project5" in page
    assert "conv3" not in page.split("layer", 1)[1]
    assert main(["summary", "--model.norm", "batch"]) == 2
    assert "alexnet summary paper --model.norm batch" in capsys.readouterr().err
    assert main(["summary", "lenet", "--model.dilation", "2"]) == 2
    assert main(["summary", "paper", "--model.without", "cnov3"]) == 2
    assert "did you mean 'conv" in capsys.readouterr().err


# --- progress ---------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


ROW = {"epoch": 1, "train_loss": 1.5, "train_top1_error": 50.0, "rate": 0.01, "seconds": 61.0}


def drive(console: Console) -> None:
    with console:
        console.say("1,100 pictures [bold]as they are[/bold]")
        for done in range(0, 5001, 5):
            console.preparing(done, 5000)
        for epoch in (1, 2):
            for step in range(500):
                console.stepped(
                    Progress(
                        step=500 * (epoch - 1) + step + 1, steps=1000, epoch=epoch, epochs=2, loss=1.25,
                        pictures_per_second=1234.5, seconds_left=200.0,
                    )
                )  # fmt: skip
            console.epoch_ended(ROW | {"epoch": epoch, "val_loss": 1.0, "val_top1_error": 26.25})


def test_without_a_terminal_a_line_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one each half minute while pictures are prepared: the clock here goes 0.1 s a look, 1,001 looks."""
    ticks = itertools.count(0, 0.1)
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    stream = io.StringIO()
    drive(Console(stream=stream))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "1,100 pictures [bold]as they are[/bold]"
    assert lines[-1] == "epoch 2: loss 1.5000, validation loss 1.0000, top-1 error 26.25%, rate 0.01, 1 min 1 s"
    assert sum("preparing" in line for line in lines) == 3
    assert len(lines) == 1 + 3 + 2


def test_on_a_terminal_a_bar_with_speed_and_time_left() -> None:
    stream = Terminal()
    drive(Console(stream=stream))
    shown = stream.getvalue()
    assert "1,234 pictures/s" in shown
    assert "3 min 20 s left" in shown
    assert "epoch 2: loss 1.5000" in shown
    assert "[bold]as they are[/bold]" in shown
    assert len(shown) < 200_000


def test_quiet_is_silent() -> None:
    for stream in (io.StringIO(), Terminal()):
        drive(Console(quiet=True, stream=stream))
        assert stream.getvalue() == ""


@pytest.mark.parametrize(("classes", "note"), [(10, "also used for selection"), (10, ""), (5, "")])
def test_numbers_read_the_same_from_json(classes: int, note: str) -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(classes), 1476)
    labels = np.random.default_rng(1).integers(0, classes, 1476)
    scores = score(probabilities, labels, split="val", protocol="ten", note=note)
    assert scores_line(json.loads(json.dumps(scores.to_dict())), classes) == str(scores)
    assert "1,476 pictures, ten views" in str(scores)


def test_durations() -> None:
    assert [duration(s) for s in (0.4, 59, 60, 3599, 7500)] == ["0 s", "59 s", "1 min 0 s", "59 min 59 s", "2 h 5 min"]


# --- the whole way, as typed ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(
    picture_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("runs") / "shapes"
    words = ["train", str(picture_folder), "--out", str(folder), "--recipe", "quick", "--size", "36", "--epochs", "2"]
    done = start(*words, "--batch", "16", "--threads", "1", "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    return folder, done


def test_train_ends_with_a_run(trained: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, done = trained
    printed = json.loads(done.stdout)
    assert Path(printed["folder"]) == folder
    assert "72 pictures" in done.stderr
    assert "3 classes" in done.stderr
    for name in ("request.json", "config.json", "environment.json", "data.json", "metrics.jsonl", "report.html"):
        assert (folder / name).exists(), name


def test_evaluate_prints_complete_scores(trained: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = trained
    done = start("evaluate", str(folder), "--json", "--protocol", "ten")
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    assert {"split", "protocol", "n", "top1_error", "top5_error", "loss"} <= set(scores)
    assert scores["protocol"] == "ten"
    assert scores["top1_error"]["low"] <= scores["top1_error"]["value"] <= scores["top1_error"]["high"]


def test_predict_writes_names_and_skips_what_is_no_picture(
    trained: tuple[Path, subprocess.CompletedProcess[str]], picture_folder: Path, tmp_path: Path
) -> None:
    folder, _ = trained
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not a picture")
    done = start("predict", str(folder), str(picture_folder / "circle"), str(broken), "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 24
    assert all(row["label"] in ("circle", "square", "triangle") for row in rows)
    assert "broken.jpg" in done.stderr


def test_resuming_a_finished_run_says_so(trained: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = trained
    done = start("resume", str(folder))
    assert done.returncode == 0
    assert "finished" in done.stderr


def test_a_full_folder_is_refused(trained: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = trained
    done = start("train", "digits", "--out", str(folder))
    assert done.returncode == 2
    assert "alexnet resume" in done.stderr


def test_prepare_says_what_it_made(picture_folder: Path, tmp_path: Path) -> None:
    done = start("prepare", str(picture_folder), str(tmp_path / "set"), "--size", "32", "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["classes"] == ["circle", "square", "triangle"]
    assert sum(made["counts"].values()) == 72
    again = start("prepare", str(picture_folder), str(tmp_path / "set"), "--size", "64", "--workers", "1")
    assert again.returncode == 2
