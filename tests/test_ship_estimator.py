"""Does scikit-learn accept the classifier as one of its own, and does it learn from arrays, paths and rows?"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import alexnet
from alexnet.ship.estimator import AlexNetClassifier

#: A quarter of the maps of `quick`, 24 pixels, four epochs: a training takes some tenths of a second.
TINY = {"data.size": 24, "augment.crop": 24, "augment.pad": 0, "augment.zoom": 1.0, "model.width": 0.25}


def tiny(**options: Any) -> AlexNetClassifier:
    fields = {"recipe": "quick", "epochs": 4, "batch": 32, "device": "cpu", "random_state": 0, "changes": TINY}
    return AlexNetClassifier(**(fields | options))


#: scikit-learn's own checks that do not apply, each with the reason.
NOT_APPLICABLE = {
    "check_methods_subset_invariance": "asks for differences below 1e-7 between batches of different sizes; the "
    "network computes in float32, whose sums depend on the size of the batch in the last digit",
}


@parametrize_with_checks([tiny()], expected_failed_checks=lambda estimator: NOT_APPLICABLE, xfail_strict=False)
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learns_own_checks(estimator: AlexNetClassifier, check: Callable[[Any], None]) -> None:
    check(estimator)


def test_it_differs_between_batches_by_rounding_only() -> None:
    """What the check above that does not apply is about, with float32's tolerance."""
    rows, labels = load_digits(return_X_y=True)
    model = tiny(epochs=1).fit(rows[:100], labels[:100])
    whole = model.predict_proba(rows[:40])
    parts = np.concatenate([model.predict_proba(rows[first : first + 8]) for first in range(0, 40, 8)])
    np.testing.assert_allclose(whole, parts, rtol=1e-3, atol=1e-5)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    held = load_digits()
    return held.images[:600], held.target[:600]


def test_it_learns_digits(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits
    names = np.array(["zero one two three four five six seven eight nine".split()[label] for label in labels])
    model = tiny(epochs=8, changes=TINY | {"augment.flip": False}).fit(images[:500], names[:500])
    assert model.score(images[500:], names[500:]) > 0.7
    assert model.classes_.tolist() == sorted(set(names))
    found = model.predict_proba(images[500:510])
    assert found.shape == (10, 10)
    np.testing.assert_allclose(found.sum(1), 1)
    assert (model.predict(images[500:510]) == model.classes_[found.argmax(1)]).all()
    assert not hasattr(model, "n_features_in_")


def test_all_forms_of_the_same_pictures_are_one(tmp_path: Path) -> None:
    """Files, colour arrays, rows of numbers: bit for bit the same, where nothing is drawn that depends on the form."""
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (24, 24, 24, 3), dtype=np.uint8)
    labels = np.arange(24) % 3
    paths = []
    for number, picture in enumerate(pictures):
        paths.append(tmp_path / f"{number:02d}.png")
        Image.fromarray(picture).save(paths[-1])
    model = tiny(epochs=1, changes=TINY | {"augment.flip": False})
    forms = [pictures, list(pictures), paths, [str(path) for path in paths], np.array(list(map(str, paths)))]
    forms += [pictures.reshape(24, -1)]
    found = [clone(model).fit(one, labels).predict_proba(one) for one in forms]
    assert all((one == found[0]).all() for one in found[1:])
    assert (clone(model).fit(pictures, labels).predict_proba(paths) == found[0]).all()


def test_equal_random_states_give_equal_networks(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits[0][:60], digits[1][:60]
    first, second, other = (
        tiny(epochs=1, random_state=state).fit(images, labels).predict_proba(images) for state in (1, 1, 2)
    )
    assert (first == second).all()
    assert (first != other).any()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    by_state = tiny(epochs=1, random_state=np.random.RandomState(5)).fit(images, labels)
    assert by_state.config_.train.seed == np.random.RandomState(5).randint(1 << 31)
    assert torch.equal(torch.get_rng_state(), before)


def test_parameters_reach_the_settings(digits: tuple[np.ndarray, np.ndarray]) -> None:
    model = tiny(epochs=2, batch=16, rate=0.02, size=26, changes=TINY | {"data.size": 28}, random_state=9)
    config = model.fit(digits[0][:40], digits[1][:40]).config_
    assert (config.train.epochs, config.train.batch, config.optim.rate, config.train.seed) == (2, 16, 0.02, 9)
    assert config.data.size == 28  # changes win
    assert model.get_params()["epochs"] == 2
    assert model.set_params(epochs=3).epochs == 3


def test_it_is_pickled_with_what_it_learned(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits[0][:60], digits[1][:60]
    model = tiny(epochs=1).fit(images, labels)
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict_proba(images) == model.predict_proba(images)).all()


def test_in_a_search_over_a_pipeline(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits[0][:90], digits[1][:90] % 2
    pipeline = make_pipeline(FunctionTransformer(lambda x: 16 - x), tiny(epochs=1))
    search = GridSearchCV(pipeline, {"alexnetclassifier__rate": [0.01, 0.05]}, cv=2).fit(images, labels)
    assert set(search.best_params_) == {"alexnetclassifier__rate"}
    assert cross_val_score(tiny(epochs=1), images, labels, cv=2).shape == (2,)


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    pictures, labels = np.zeros((6, 8, 8), np.uint8), np.arange(6) % 2
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    model = tiny(epochs=1).fit(np.arange(6 * 64).reshape(6, 8, 8) % 251, labels)
    for given, said in (
        ((np.zeros((6, 8, 8, 4)), labels), r"\(N, H, W, 3\) or \(N, H, W\), not \(6, 8, 8, 4\)"),
        ((np.full((6, 8, 8), np.nan), labels), "NaN or infinity"),
        ((np.zeros((0, 8, 8)), []), "no pictures"),
        ((pictures, labels[:4]), "inconsistent numbers of samples"),
        ((pictures, np.zeros(6)), "only 1 class, 0.0: give"),
        (([tmp_path / "broken.jpg"] * 4, [0, 1, 0, 1]), r"broken.jpg cannot be read: "),
        (([tmp_path / "none.jpg"] * 4, [0, 1, 0, 1]), r"none.jpg cannot be read: there is no such file"),
    ):
        with pytest.raises(ValueError, match=said):
            tiny(epochs=1).fit(*given)
    with pytest.raises(ValueError, match=r"no setting is called 'train\.epoch'"):
        tiny(changes={"train.epoch": 1}).fit(pictures, labels)
    with pytest.raises(ValueError, match="trained on pictures or paths and is asked about rows of numbers"):
        model.predict(np.zeros((2, 64)))
    with pytest.raises(NotFittedError):
        tiny().predict(pictures)


def test_numbers_are_mapped_as_in_training() -> None:
    """The range of the training pictures becomes 0 to 255, also for a batch that has only a part of it."""
    seen: list[np.ndarray] = []
    images = np.linspace(-2, 6, 8 * 24 * 24).reshape(8, 24, 24)
    model = tiny(epochs=1).fit(images, np.arange(8) % 2)
    model.trained_.preprocess.register_forward_pre_hook(lambda module, given: seen.append(given[0].numpy().copy()))
    model.predict(images[:1])
    model.predict(np.full((1, 24, 24), 100.0))
    assert seen[0].min() == 0
    assert seen[0].max() == 32
    assert (seen[1] == 255).all()


def test_rows_become_squares() -> None:
    from alexnet.ship.arrays import _square_rows

    assert [_square_rows(np.zeros((2, wide))).shape[1] for wide in (1, 2, 3, 4, 5, 9, 12, 20, 27, 64, 192)] == [
        *(1, 2, 1, 2, 3, 3, 2, 5, 3, 8, 8)
    ]
    filled = _square_rows(np.arange(1, 7)[None])[0, :, :, 0]
    assert filled.tolist() == [[1, 2, 3], [4, 5, 6], [0, 0, 0]]
    coloured = _square_rows(np.arange(12)[None])[0]
    assert coloured[0, 1].tolist() == [3, 4, 5]


def test_the_public_name() -> None:
    assert alexnet.AlexNetClassifier is AlexNetClassifier
