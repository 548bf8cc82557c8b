"""Are the published numbers those of the paper, and do the released program's logs confirm them?"""

from __future__ import annotations

import json

import pytest

from alexnet.study.claims import CLAIMS
from alexnet.study.literature import CUTS, INGREDIENTS, Cut, Ingredient, Log
from alexnet.study.published import as_dict, as_text, confirmed, tables


def row(table: str, model: str, pictures: str) -> dict[str, object]:
    rows = next(one["rows"] for one in as_dict()["tables"] if one["name"] == table)
    return next(one for one in rows if one["model"].startswith(model) and one["pictures"].startswith(pictures))


@pytest.mark.parametrize(
    ("table", "model", "pictures", "top1", "top5"),
    [
        ("ilsvrc-2010", "sparse coding", "test", 47.1, 28.2),
        ("ilsvrc-2010", "SIFT", "test", 45.7, 25.7),
        ("ilsvrc-2010", "the network", "test, centre", 39.0, 18.3),
        ("ilsvrc-2010", "the network", "test, ten", 37.5, 17.0),
        ("ilsvrc-2012", "SIFT", "test", None, 26.2),
        ("ilsvrc-2012", "1 network", "validation", 40.7, 18.2),
        ("ilsvrc-2012", "5 networks", "validation", 38.1, 16.4),
        ("ilsvrc-2012", "5 networks", "test", None, 16.4),
        ("ilsvrc-2012", "1 of six", "validation", 39.0, 16.6),
        ("ilsvrc-2012", "7 networks", "validation", 36.7, 15.4),
        ("ilsvrc-2012", "7 networks", "test", None, 15.3),
        ("imagenet-2009", "best", "test", 78.1, 60.9),
        ("imagenet-2009", "the network", "test", 67.4, 40.9),
    ],
)
def test_tables_of_section_6(table: str, model: str, pictures: str, top1: float | None, top5: float) -> None:
    found = row(table, model, pictures)
    assert (found["top1"], found["top5"]) == (top1, top5)


def test_relative_cuts() -> None:
    cuts = {one["what"].split(":")[0] + f" {one['before']}": one["relative"] for one in as_dict()["relative_cuts"]}
    assert cuts["ILSVRC-2010 test, top-1 47.1"] == 20.4
    assert cuts["ILSVRC-2010 test, top-5 28.2"] == 39.7
    assert cuts["ILSVRC-2012 test, top-5 26.2"] == 41.6
    assert Cut(what="half", before=10.0, after=5.0).relative == 50


def test_cuts_are_of_errors_in_the_tables() -> None:
    errors = {error for table in tables() for one in table.rows for error in (one.top1, one.top5)}
    assert {end for cut in CUTS for end in (cut.before, cut.after)} <= errors


def test_logs_confirm_what_was_published() -> None:
    said = [one["confirmed"] for table in as_dict()["tables"] for one in table["rows"]]
    assert said.count(True) == 4
    assert False not in said
    by_name = {one["claim"]: one["confirmed"] for one in as_dict()["ingredients"]}
    assert {claim for claim, answer in by_name.items() if answer} == {
        "columns",
        "response-normalization",
        "overlapping-pooling",
        "ten-views",
    }
    assert confirmed(40.7, 18.2, Log(network="#145", top1=40.66, top5=18.31)) is False
    assert confirmed(None, None, Log(network="#131-2009", top1=69.4)) is None


def test_an_ingredients_log_is_the_difference_of_its_two_networks() -> None:
    for one in INGREDIENTS:
        if one.log is None:
            continue
        pairs = [part.split()[-1].split("/") for part in one.log.network.split(", ")]
        for place, said in enumerate((one.log.top1, one.log.top5)):
            assert said is not None
            assert said == pytest.approx(float(pairs[0][place]) - float(pairs[1][place]), abs=0.011), one.name


def measured_of(one: Ingredient) -> float | None:
    effect = CLAIMS[one.claim].published.effect
    return None if effect is None else abs(effect)


def test_claims_and_tables_agree() -> None:
    """Every ingredient names a claim that measures it, with the effect that stands here."""
    for one in INGREDIENTS:
        assert one.claim in CLAIMS
        if one.top1 is not None:
            assert measured_of(one) == one.top1
        if one.log is not None and one.top1 is None:
            assert measured_of(one) == one.log.top1


def test_json_and_text_hold_everything() -> None:
    assert json.loads(json.dumps(as_dict(), allow_nan=False))["source"]
    text = as_text()
    for table in tables():
        assert table.title in text
        for one in table.rows:
            assert one.model in text
            assert all(f"{error:.1f}" in text for error in (one.top1, one.top5) if error is not None)
    for one in INGREDIENTS:
        assert one.name in text
    assert "41.6%" in text
    assert max(len(line) for line in text.splitlines()) <= 120
