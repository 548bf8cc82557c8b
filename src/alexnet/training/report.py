"""What does a person read of a run? figures/ and report.html: the numbers, the pictures, and how to go on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alexnet import recipes
from alexnet.config import Config, field_names, get
from alexnet.data.prepared import PreparedSet
from alexnet.data.storage import gigabytes
from alexnet.drawing import figures
from alexnet.drawing.page import Page
from alexnet.model.summary import summarize
from alexnet.scoring.protocols import PROTOCOLS
from alexnet.scoring.scores import confusion, most_confused
from alexnet.training.evaluate import Evaluation
from alexnet.training.figures import Shown, draw_run
from alexnet.training.folder import lines_of, read_json
from alexnet.training.forecast import words
from alexnet.training.run import Run


def write_report(run: Run, prepared: PreparedSet, evaluations: Sequence[Evaluation], results: dict[str, Any]) -> None:
    """Write the figures as PNG files into figures/ and report.html, which holds them too and works offline.

    Args:
        evaluations: of the held-out split, the centre crop first.
        results: what results.json will hold.
    """
    (run.folder / "figures").mkdir(exist_ok=True)
    images: dict[str, tuple[Shown, bytes]] = {}
    for shown in draw_run(run, prepared, evaluations[0]):
        figures.save(shown.figure, run.folder / "figures" / f"{shown.name}.png")
        images[shown.name] = (shown, (run.folder / "figures" / f"{shown.name}.png").read_bytes())

    def put(name: str) -> None:
        shown, png = images[name]
        page.figure(png, alt=shown.caption, caption=shown.caption)

    page = Page(f"{prepared.name}: a picture classifier", _lead(run, prepared, evaluations[0]))
    page.tiles(_tiles(run, prepared, evaluations, results))
    for evaluation in evaluations:
        page.paragraph(f"{str(evaluation.scores).capitalize()}. Brackets hold the 95% interval.")
    page.section("The pictures")
    page.paragraph(f"{_sentence(prepared.describe(Path()))} {_sentence(prepared.rule)}")
    put("samples")
    put("first_batch")
    page.section("How it learned")
    page.paragraph(_training_words(run, results))
    put("curves")
    _forecast(page, run)
    _diagnoses(page, run)
    page.section("What it gets right, and what it takes for what")
    put("per_class")
    put("confusion")
    _mistakes(page, run, evaluations[0])
    page.section("How far its probabilities can be trusted")
    put("calibration")
    page.section("Its worst and best")
    put("worst")
    put("best")
    page.section("What the first layer looks for")
    put("kernels")
    page.section("Look inside")
    page.paragraph("An album shows what each layer has learned, with the numbers behind every figure. This makes it:")
    page.code(f"alexnet look {run.folder}")
    page.files((("look/index.html", "the album, as soon as that command has made it"),))
    page.section("The network")
    _network(page, run)
    page.section("Use it, go on, repeat it")
    page.code(_commands(run))
    page.files(
        (
            ("predictions.csv", "what it said of every held-out picture"),
            ("per_class.csv", "recall, precision and F1 of every class"),
            ("confusion.csv", "what was taken for what"),
            ("results.csv", "loss, errors and rate by epoch"),
        )
    )
    _settings(page, run.config, read_json(run.folder / "environment.json"))
    page.footer(
        f"Run {run.folder.name}; configuration {results['config_digest']}; pictures {prepared.fingerprint[:16]}."
    )
    page.write(run.folder / "report.html")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _lead(run: Run, prepared: PreparedSet, evaluation: Evaluation) -> str:
    right = 100 - evaluation.scores.top1_error.value
    return (
        f"A network of the AlexNet family ({run.config.model.table}) was trained to tell {len(run.classes)} classes "
        f"apart. It names {right:.0f} of 100 pictures right that it was not trained on."
    )


def _tiles(
    run: Run, prepared: PreparedSet, evaluations: Sequence[Evaluation], results: dict[str, Any]
) -> list[tuple[str, str, str]]:
    tiles = []
    for evaluation in evaluations:
        scores = evaluation.scores
        place = f"{scores.split}, {scores.n:,} pictures, {PROTOCOLS[scores.protocol]}"
        error = scores.top1_error
        tiles.append((f"{error.value:.1f}%", "top-1 error", f"[{error.low:.1f}, {error.high:.1f}] on {place}"))
    scores = evaluations[0].scores
    if len(run.classes) > 5:
        error = scores.top5_error
        place = f"{scores.split}, {PROTOCOLS[scores.protocol]}"
        tiles.append((f"{error.value:.1f}%", "top-5 error", f"[{error.low:.1f}, {error.high:.1f}] on {place}"))
    trained = prepared.counts["train"] + (prepared.counts["select"] if run.config.data.all_of_train else 0)
    trained = min(trained, run.config.train.limit or trained)
    tiles.append((f"{trained:,}", "training pictures", f"{run.config.train.epochs} times each at most"))
    return tiles


def _training_words(run: Run, results: dict[str, Any]) -> str:
    config = run.config
    run_epochs = max((line["epoch"] for line in lines_of(run.folder, "epoch")), default=0)
    kept = (
        f"The weights kept are those of epoch {results['epoch']}, the best on the pictures that select."
        if results["weights"] == "best"
        else "The weights kept are the last ones: nothing selected among epochs."
    )
    ended = {
        "patience": f" It ended in epoch {run_epochs} as no better validation error had come for "
        f"{config.train.patience} epochs.",
        "until": f" It ended in epoch {run_epochs}: the training error was {config.train.until:g}% or less.",
        "max-hours": f" Its hours were over in epoch {run_epochs}; alexnet resume goes on.",
    }.get(results.get("ended", ""), "")
    return (
        f"{config.train.epochs} epochs in batches of {config.train.batch}, rule {config.optim.rule}, highest rate "
        f"{config.optim.rate:g}, schedule {config.optim.schedule}. {kept}{ended}{_waited_words(run)}"
    )


def _waited_words(run: Run) -> str:
    """Which share of the steps' time went by waiting for pictures."""
    epochs = [line for line in lines_of(run.folder, "epoch") if "waited_seconds" in line]
    seconds = sum(line["seconds"] for line in epochs)
    waited = sum(line["waited_seconds"] for line in epochs)
    return f" The steps waited {100 * waited / seconds:.1f}% of their time for pictures." if seconds else ""


def _forecast(page: Page, run: Run) -> None:
    """What was expected before the start, and what came."""
    path = run.folder / "forecast.json"
    found = read_json(path) if path.exists() else {}
    if "came" not in found:
        return
    expected, came = found["expected"], found["came"]
    rows = [
        ("steps of training", words(expected["training_seconds"]), words(came["training_seconds"])),
        ("memory", gigabytes(expected["memory"]), gigabytes(came["memory"])),
        ("disk, at most", gigabytes(expected["disk"]), gigabytes(came["disk"])),
    ]
    page.table(("", "forecast", "came"), rows, caption="What the run took")


def _diagnoses(page: Page, run: Run) -> None:
    found = lines_of(run.folder, "diagnosis")
    if found:
        rows = [(line["fault"], f"{line['step']:,}", _sentence(line["sentence"]), line["cure"]) for line in found]
        page.table(("fault", "seen at step", "why", "try"), rows, caption="What the doctor said")


def _mistakes(page: Page, run: Run, evaluation: Evaluation) -> None:
    matrix = confusion(evaluation.predictions.probabilities, evaluation.predictions.labels, len(run.classes))
    rows = [
        (mistake.true, mistake.predicted, f"{mistake.n:,}", f"{100 * mistake.share:.0f}%")
        for mistake in most_confused(matrix, run.classes, 8)
    ]
    if rows:
        page.table(("true class", "taken for", "pictures", "of the class"), rows, caption="The most frequent mistakes")


def _network(page: Page, run: Run) -> None:
    found = summarize(run.network.table, len(run.classes), size=run.preprocess.crop)
    page.paragraph(
        f"{found.parameters:,} parameters; {found.macs:,} multiply-adds a picture of "
        f"{run.preprocess.crop} x {run.preprocess.crop} pixels."
    )
    rows = [
        (row.name, row.kind, " x ".join(map(str, row.output)), f"{row.parameters:,}", f"{row.macs:,}")
        for row in found.layers
    ]
    with page.details("Layer by layer"):
        page.table(("layer", "kind", "output", "parameters", "multiply-adds"), rows)


def _commands(run: Run) -> str:
    return "\n".join(
        (
            f"alexnet predict {run.folder} PICTURE_OR_FOLDER    # what is on other pictures",
            f"alexnet evaluate {run.folder} --protocol ten      # the paper's ten views",
            f"alexnet resume {run.folder} --extend 10           # ten more epochs",
        )
    )


def _settings(page: Page, config: Config, environment: dict[str, Any]) -> None:
    nearest = next(
        (recipe.config for recipe in recipes.RECIPES.values() if recipe.config.model.table == config.model.table),
        Config(),
    )
    rows = [
        (name, str(get(config, name)), "" if get(config, name) == get(nearest, name) else str(get(nearest, name)))
        for name in field_names(config)
    ]
    with page.details("All settings"):
        page.table(("setting", "value", "where the recipe has another"), rows)
    with page.details("The conditions under which this run repeats bit for bit"):
        page.table(("condition", "value"), [(name, str(value)) for name, value in environment.items()])
