"""Is a measure what its words say? Against plain restatements, on small runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alexnet import draws
from alexnet.config import ModelConfig
from alexnet.data.feed import Feed, rows_of
from alexnet.edits import edited
from alexnet.model.layers import Dropout
from alexnet.model.network import AlexNet
from alexnet.model.weights import load_weights, save_weights
from alexnet.scoring.infer import Predictions
from alexnet.scoring.tally import points
from alexnet.study.measured import early_error, epochs_to, epochs_to_settle, measured, spread, together
from alexnet.study.measures import MEASURES
from alexnet.study.monte_carlo import average_draws, first_dropout
from alexnet.tables import TABLES, Layer, Table, conv, dense, dropout, relu
from alexnet.training.run import Run, load
from conftest import draw_folder, small_run

HERE: dict[str, Any] = {"device": "cpu", "threads": 1}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("pictures") / "shapes", each=80)


@pytest.fixture(scope="module")
def run(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with validation, dropout, batch normalization and a border to cut views from; trained on some pictures."""
    wanted: dict[str, object] = {
        "data__all_of_train": False,
        "train__epochs": 6,
        "train__batch": 16,
        "train__limit": 150,
    }
    wanted |= {"augment__flip": True, "model__dropout": 0.5}
    return small_run(pictures, tmp_path_factory.mktemp("run") / "first", **wanted)


def probabilities(run: Run, rows: np.ndarray) -> np.ndarray:
    """The network's answers to the centre of some rows, float64 (N, K)."""
    pieces = torch.from_numpy(run.data().gather(rows))[:, :, 2:26, 2:26]  # squares of 28, crops of 24
    with torch.no_grad():
        answers: np.ndarray = run.network(run.preprocess(pieces)).double().softmax(1).numpy()
    return answers


def error(shares: np.ndarray, labels: np.ndarray) -> float:
    return float(100 - 100 * points(shares, labels).mean())


def test_errors_are_those_of_the_run(run: Run) -> None:
    found = measured(run.folder, ["top5_error", "test_error", "ten_view_error", "nine_view_error"], **HERE)
    assert list(found) == ["top5_error", "test_error", "ten_view_error", "nine_view_error"]
    assert not any(one["bound"] for one in found.values())
    for name, protocol in (("test_error", "centre"), ("ten_view_error", "ten"), ("nine_view_error", "nine")):
        assert found[name]["value"] == run.evaluate(protocol=protocol).top1_error.value
    assert found["top5_error"]["value"] == 0


def test_scores_are_taken_from_the_results_where_they_stand_there(run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run.folder, copy)
    results = json.loads((copy / "results.json").read_text())
    centre = next(one for one in results["scores"] if one["protocol"] == "centre")
    centre["top1_error"]["value"], results["scores"] = 12.5, [centre]  # without the ten views
    (copy / "results.json").write_text(json.dumps(results))
    found = measured(copy, ["test_error", "ten_view_error"], **HERE)
    assert found["test_error"]["value"] == 12.5
    assert found["ten_view_error"] == measured(run.folder, ["ten_view_error"], **HERE)["ten_view_error"]


def test_training_error_is_of_the_pictures_trained_on(run: Run) -> None:
    rows, _ = rows_of(run.config, run.data())
    assert len(rows) == 150
    found = measured(run.folder, ["gap", "train_error", "test_error"], **HERE)
    assert found["train_error"]["value"] == pytest.approx(error(probabilities(run, rows), run.data().labels[rows]))
    gap = found["test_error"]["value"] - found["train_error"]["value"]
    assert found["gap"] == {"value": gap, "bound": False}


def test_many_pictures_are_thinned_evenly() -> None:
    rows = np.arange(7, 32)
    assert spread(rows).tolist() == rows.tolist()
    thinned = spread(rows, 10)
    assert len(thinned) == 10
    assert set(np.diff(thinned)) == {2, 3}
    assert spread(rows[:0]).tolist() == []


def lines(*errors: float) -> list[dict[str, Any]]:
    return [{"epoch": place, "train_top1_error": one, "val_top1_error": one} for place, one in enumerate(errors, 1)]


def test_the_race_ends_between_two_epochs() -> None:
    assert epochs_to(lines(60, 30, 20, 10), 10) == (2.5, False)
    assert epochs_to(lines(60, 25, 30), 10) == (2.0, False)
    assert epochs_to(lines(60, 24, 30, 10), 10)[0] == pytest.approx(1 + 35 / 36)  # the first time, not for good
    assert epochs_to(lines(10), 10)[0] == pytest.approx(65 / 80)  # from 90%, chance of ten classes
    assert epochs_to(lines(10), 2)[0] == pytest.approx(25 / 40)
    assert epochs_to(lines(60, 40, 25.1), 10) == (3.0, True)


@given(st.lists(st.floats(0, 89), min_size=1, max_size=6))
def test_the_race_ends_where_the_line_is_at_the_goal(errors: list[float]) -> None:
    epochs, bound = epochs_to(lines(*errors), 10)
    corners = [90.0, *errors]
    assert bound == (min(errors) > 25)
    if not bound:
        assert np.interp(epochs, range(len(corners)), corners) == pytest.approx(25, abs=1e-6)
        assert all(one > 25 for one in errors[: int(np.ceil(epochs)) - 1])


def test_early_is_the_first_fifth_of_the_epochs() -> None:
    assert early_error(lines(*range(50, 38, -1))) == 49.5  # two of twelve
    assert early_error(lines(50, 40)) == 50


def test_settled_is_first_within_a_point_of_the_lowest(run: Run) -> None:
    assert epochs_to_settle(lines(50, 21, 30, 20, 20.5)) == 2
    assert epochs_to_settle(lines(50, 21.1, 30, 20)) == 4
    with pytest.raises(ValueError, match=r"epochs_to_settle needs a validation error .* --data\.no-all-of-train"):
        epochs_to_settle([{"epoch": 1, "train_top1_error": 3.0}])
    epochs = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    epochs = [line for line in epochs if line["kind"] == "epoch"]
    found = measured(run.folder, ["epochs_to_25", "epochs_to_settle"], **HERE)
    assert tuple(found["epochs_to_25"].values()) == epochs_to(epochs, 3)
    assert found["epochs_to_settle"]["value"] == epochs_to_settle(epochs)


def drawn(network: AlexNet, run: Run, rows: np.ndarray, batch: int) -> Predictions:
    feed = Feed(run.data(), rows, batch=batch, device="cpu", memory=1 << 30)
    return average_draws(network, run.preprocess, feed.straight(), seed=run.config.train.seed, count=4)


def plainly(network: AlexNet, run: Run, rows: np.ndarray, count: int) -> np.ndarray:
    """Dropout in testing restated: the whole network for each picture and draw, masks by their definition."""
    drops = [module for module in network.modules() if isinstance(module, Dropout)]
    assert drops
    shares = np.zeros((len(rows), 3))
    for place, row in enumerate(rows):
        pieces = run.preprocess(torch.from_numpy(run.data().gather(np.array([row])))[:, :, 2:26, 2:26])
        for draw in range(1, count + 1):
            key = draws.keys(run.config.train.seed, draw, torch.tensor([row]))

            def mask(module: Any, given: Any, out: Any, key: torch.Tensor = key) -> torch.Tensor:
                (x, *_) = given
                silent = draws.uniform(key, f"dropout:{module.name}", x[0].numel()).view_as(x) >= 0.5
                return torch.where(silent, 0, x if module.mode == "paper" else x / 0.5)

            hooks = [module.register_forward_hook(mask) for module in drops]
            with torch.no_grad():
                shares[place] += network(pieces).double().softmax(1)[0].numpy()
            for hook in hooks:
                hook.remove()
    return shares / count


#: The paper's dropout twice, and batch normalization behind it, which must go on computing as in testing.
TWICE = Table(
    name="twice",
    summary="",
    size=24,
    layers=(
        conv("conv1", 4, 5, stride=4, init="he"),
        relu("relu1"),
        dropout("drop1"),
        dense("fc2", 16, init="he"),
        Layer(name="norm2", kind="batchnorm"),
        dropout("drop2"),
        dense("fc3", 0, init="he"),
    ),
)


@pytest.mark.parametrize("table", ["quick", "twice"])
def test_monte_carlo_dropout_is_the_mean_over_masks(run: Run, table: str) -> None:
    network = run.network if table == "quick" else AlexNet(3, TWICE).eval()
    rows = run.data().rows("val")[:12]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    at_once, parts = drawn(network, run, rows, 12), drawn(network, run, rows, 5)
    np.testing.assert_allclose(at_once.probabilities, plainly(network, run, rows, 4), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(parts.probabilities, at_once.probabilities, rtol=1e-4, atol=1e-6)
    assert at_once.index.tolist() == rows.tolist()
    assert at_once.labels.tolist() == run.data().labels[rows].tolist()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(module.training for module in network.modules())


def test_monte_carlo_error_is_of_fifty_draws(run: Run) -> None:
    rows = run.data().rows(run.data().evaluated[0])
    feed = Feed(run.data(), rows, batch=64, device="cpu", memory=1 << 30)
    answers = average_draws(run.network, run.preprocess, feed.straight(), seed=0, count=50)
    found = measured(run.folder, ["monte_carlo_error"], **HERE)["monte_carlo_error"]["value"]
    assert found == pytest.approx(error(answers.probabilities, answers.labels))


def test_a_network_without_dropout_has_no_draws() -> None:
    with torch.device("meta"), pytest.raises(ValueError, match=r"cifar-26 has no dropout .* --model\.dropout"):
        first_dropout(AlexNet(10, "cifar-26"))


@pytest.mark.parametrize("table", TABLES)
def test_behind_the_first_dropout_every_table_is_a_chain(table: str) -> None:
    chains = 0
    for changes in ({}, {"residual": True}, {"attention": "self"}, {"attention": "squeeze-excite"}, {"norm": "batch"}):
        try:
            network = edited(ModelConfig(table=table, classes=10, **changes))  # type: ignore[arg-type]
        except ValueError:
            continue  # a table without layers to change so
        if any(row.kind == "dropout" for row in network.layers):
            with torch.device("meta"):
                first_dropout(AlexNet(10, network))
            chains += 1
    assert chains or not any(row.kind == "dropout" for row in TABLES[table].layers)


def test_several_runs_together_average_their_probabilities(run: Run, pictures: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(run.folder, other)
    kept = load_weights(other / "weights" / "best.safetensors")
    torch.manual_seed(0)
    stirred = {name: v + 0.3 * v.std() * torch.randn_like(v) if v.ndim > 1 else v for name, v in kept.state.items()}
    save_weights(other / "weights" / "best.safetensors", stirred, kept.metadata, kept.extra)
    rows = run.data().rows(run.data().evaluated[0])
    shares = (probabilities(run, rows) + probabilities(load(other), rows)) / 2
    found = together([run.folder, other], **HERE)
    assert (shares.argmax(1) != probabilities(run, rows).argmax(1)).any()
    assert found == pytest.approx(error(shares, run.data().labels[rows]))
    with pytest.raises(ValueError, match="two runs or more"):
        together([run.folder], **HERE)


def test_unknown_measures_are_refused(run: Run) -> None:
    with pytest.raises(ValueError, match=r"no measure is called 'error'; there are test_error, top5_error"):
        measured(run.folder, ["test_error", "error"], **HERE)
    assert set(MEASURES) >= {"test_error", "epochs_to_25"}
