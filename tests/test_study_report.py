"""Does a study's report say all that came of it, in equal bytes, with names that stay text?"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet.study.claim import BASELINE
from alexnet.study.markdown import MarkdownPage, summary, text
from alexnet.study.more_pictures import drawn, errors_of, law_of, tell_law
from alexnet.study.ranked import rankings
from alexnet.study.report import COST, write_report
from made_up_study import BASE, CLAIMS, compared, curves, outcome, study, values
from test_drawing_page import Reader


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_report(study(), CLAIMS, folder, "all", curves())
    return folder


def body(words: str) -> str:
    """Without the cost, which stands at the end."""
    return words[: words.rindex(f"## {COST}" if "<h2" not in words else f">{COST}</h2>")]


def test_it_is_one_page_that_asks_for_nothing(written: Path) -> None:
    assert sorted(path.name for path in written.iterdir()) == ["all.html", "all.json", "all.md"]
    read = Reader((written / "all.html").read_text())
    assert not read.all("script")
    assert all(one["src"].startswith("data:image/png;base64,") and one["alt"] for one in read.all("img"))
    # All effects; how six claims learned; layers setting by setting; the law over the pictures.
    assert len(read.all("img")) == 1 + 6 + 1 + 1
    assert json.loads((written / "all.json").read_text()) == json.loads(json.dumps(study().to_dict()))


@pytest.mark.parametrize("kind", ["html", "md"])
def test_it_says_everything(written: Path, kind: str) -> None:
    words = (written / f"all.{kind}").read_text()
    words = Reader(words).words if kind == "html" else words.replace("&gt;", ">").replace("&amp;", "&")
    made = study()
    assert made.command in words
    assert made.fingerprint in words
    assert "3 supported, 1 not supported, 2 inconclusive, 1 not run" in words
    for claim in CLAIMS.values():
        for said in (claim.sentence, claim.published.words, claim.published.log, claim.correction):
            assert said in words
    for one in made.outcomes:
        assert one.sentence in words
        assert one.skipped in words
        for pair in one.comparisons:
            assert pair.settles in words
            assert pair.note in words
    for said in (
        "−0.20 points",
        "[−0.55, +0.15]",
        "4.03 times",
        "> 12.0, > 12.9, > 13.1",
        "30.10, 29.80, 30.40",
        "failed, failed, 29.00",
        "seed 1: the loss was not finite in epoch 2",
        "model.norm = none",
        "noconv31-5f2c",
        "4.0 hours",
        "error = 170% × n^−0.188",
        "What matters most",
    ):
        assert said in words, said


def test_names_stay_text(written: Path) -> None:
    name = "no fc6 <b>&|*_x_*"
    page = (written / "all.html").read_text()
    assert name in Reader(page).words
    assert "<b>&" not in page
    marked = (written / "all.md").read_text()
    assert "no fc6 &lt;b&gt;&amp;\\|\\*\\_x\\_\\*" in marked


def test_equal_studies_give_equal_bytes_and_cost_stands_apart(written: Path, tmp_path: Path) -> None:
    write_report(study(), CLAIMS, tmp_path, "again", curves())
    dear = study(cost={"training_seconds": 9.0, "runs": 1})
    slow = tuple(
        dataclasses.replace(one, arms=tuple(dataclasses.replace(arm, seconds=9e5) for arm in one.arms))
        for one in dear.outcomes
    )
    write_report(dataclasses.replace(dear, outcomes=slow), CLAIMS, tmp_path, "dear", curves())
    for kind in ("html", "md", "json"):
        assert (tmp_path / f"again.{kind}").read_bytes() == (written / f"all.{kind}").read_bytes()
    for kind in ("html", "md"):
        before, after = (written / f"all.{kind}").read_text(), (tmp_path / f"dear.{kind}").read_text()
        assert before != after
        assert body(before) == body(after)


def test_a_study_of_which_nothing_came_is_told_as_well(tmp_path: Path) -> None:
    failed = tuple(
        dataclasses.replace(
            one,
            comparisons=tuple(compared(pair.arm, None, None, None, n=0) for pair in one.comparisons),
            arms=tuple(
                dataclasses.replace(arm, values=(None,) * 3, reasons=("it failed",) * 3, keys=("",) * 3)
                for arm in one.arms
            ),
        )
        for one in study().outcomes
    )
    write_report(study(outcomes=failed), CLAIMS, tmp_path, "failed", {})
    assert "no value" in (tmp_path / "failed.md").read_text()
    write_report(study(outcomes=study().outcomes[-1:]), CLAIMS, tmp_path, "skipped", {})
    assert "name them with --pretrain" in (tmp_path / "skipped.md").read_text()
    alone = dataclasses.replace(study().outcomes[1], arms=(BASE, values("no normalization", 29.9, 29.7, 30.1)))
    write_report(study(outcomes=(alone,)), CLAIMS, tmp_path, "one", {})
    assert "What matters most" not in (tmp_path / "one.md").read_text()


def changed(claim: str, arm: str, *gaps: float, **more: Any) -> Any:
    mean = sum(gaps) / len(gaps)
    pair = compared(arm, mean, mean - 1, mean + 1, differences=tuple(enumerate(gaps)), **more)
    return outcome(claim, "inconclusive", "", pair, arms=(BASE, values(arm, *(30 + gap for gap in gaps))))


def test_changes_beside_the_same_runs_are_ranked() -> None:
    found = rankings(
        study(
            outcomes=(
                changed("response-normalization", "no normalization", 0.50, 0.61, 0.42),
                changed("overlapping-pooling", "pools of 2/2", 0.52, 0.49, 0.50),
                changed("layers", "no conv3", 6.0, 6.1, 6.05),
                changed("data-scaling", "1/2", 9.0, 9.0, 9.1),
                changed("ten-views", "ten views", -1.2, -1.3, -1.25),
            )
        ),
        CLAIMS,
    )
    assert len(found) == 1
    names = [row.name for row in found[0].rows]
    assert names == [
        "layers: no conv3",
        "response-normalization: no normalization",
        "overlapping-pooling: pools of 2/2",
    ]  # fewer pictures and another way to test are no changes of the network or its training
    assert [row.alike for row in found[0].rows] == [False, True, False]
    assert found[0].sentence == (
        "Most errors come with layers: no conv3. At this size it cannot be told from the one after it: "
        "response-normalization: no normalization."
    )


def test_changes_beside_other_runs_are_ranked_apart() -> None:
    other = dataclasses.replace(BASE, keys=("x", "y", "z"))
    first, second = changed("layers", "no conv3", 6.0, 6.1, 6.05), changed("layers", "no conv4", 1.0, 1.1, 1.2)
    apart = dataclasses.replace(second, arms=(other, *second.arms[1:]))
    assert rankings(study(outcomes=(first, apart)), CLAIMS) == []
    assert len(rankings(study(outcomes=(first, second)), CLAIMS)[0].rows) == 2


def test_a_law_over_the_pictures_is_fitted_to_their_numbers() -> None:
    claim, came = CLAIMS["data-scaling"], study().outcomes[5]
    assert list(errors_of(claim, came)) == [2_500, 5_000, 10_000]
    law = law_of(claim, came)
    assert law is not None
    assert law.at(10_000)[0] == pytest.approx(30.1, abs=0.2)
    assert errors_of(CLAIMS["layers"], study().outcomes[3]) == {}


def test_where_nothing_falls_no_law_is_told() -> None:
    claim, came = CLAIMS["data-scaling"], study().outcomes[5]
    flat = dataclasses.replace(came, arms=(BASE, values("1/2", 30.4, 29.7, 30.2), values("1/4", 29.9, 30.3, 30.0)))
    page = MarkdownPage("t")
    tell_law(page, claim, flat)
    assert "It cannot be told that the error falls" in page.markdown()
    assert "error =" not in page.markdown()
    figure = drawn(claim, flat, study())
    assert figure is not None
    assert figure[2].startswith("Without a law")


def test_the_terminal_gets_every_verdict() -> None:
    said = summary(study())
    for one in study().outcomes:
        assert f"{one.claim}: {'not run' if one.skipped else one.verdict}" in said
        assert one.sentence in said
    assert BASELINE not in said


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_one_line_of_markdown_without_markup(words: str) -> None:
    found = text(words)
    assert "\n" not in found
    assert "<" not in found
    page = MarkdownPage("t")
    page.table(["a", "b"], [[words, "1"]])
    row = page.markdown().splitlines()[-1].replace("\\\\", "").replace("\\|", "")
    assert row.count("|") == 3
    page.paragraph(words)
    last = page.markdown().splitlines()[-1].lstrip()
    assert not last.startswith(("# ", "- ", "+ ", "* ", "> ", "1. "))


def test_code_keeps_its_fences() -> None:
    page = MarkdownPage("t")
    page.code("a ``` b")
    assert "````\na ``` b\n````" in page.markdown()
