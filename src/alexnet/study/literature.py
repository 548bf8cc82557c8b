"""Which numbers stand in the paper, and in the released program's logs? Rows of tables, effects of ingredients."""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = (
    "Krizhevsky, Sutskever and Hinton, ImageNet Classification with Deep Convolutional Neural Networks, NeurIPS 2012; "
    "logs: the notes in the files of the released program, by the number of the network (#145 and others), errors and "
    "their differences each rounded to two digits"
)


@dataclass(frozen=True, kw_only=True)
class Log:
    """What the released program's own notes say: errors in percent, or points of error."""

    network: str
    top1: float | None = None
    top5: float | None = None
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """A row of a table: errors in percent."""

    model: str
    pictures: str
    """The pictures that the errors are of, and how they were looked at."""
    top1: float | None
    top5: float | None
    log: Log | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows that stand together."""

    name: str
    title: str
    section: str
    rows: tuple[Result, ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Ingredient:
    """What something in the network or its training is worth: points of error that it takes away."""

    name: str
    section: str
    words: str
    top1: float | None = None
    top5: float | None = None
    log: Log | None = None
    claim: str = ""
    """The claim that measures it: `alexnet reproduce CLAIM`."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """An error that became a smaller one; in percent of what it was."""

    what: str
    before: float
    after: float

    @property
    def relative(self) -> float:
        """Percent of the earlier error."""
        return 100 * (self.before - self.after) / self.before


TABLES = (
    Table(
        name="ilsvrc-2010",
        title="ILSVRC-2010, test",
        section="section 6, table 1",
        rows=(
            Result(model="sparse coding, best of the contest", pictures="test", top1=47.1, top5=28.2),
            Result(model="SIFT and Fisher vectors, best since then", pictures="test", top1=45.7, top5=25.7),
            Result(
                model="the network",
                pictures="test, centre crop",
                top1=39.0,
                top5=18.3,
                log=Log(network="#145-2010", top1=39.02, top5=18.30, words="loss 1.7060"),
            ),
            Result(
                model="the network",
                pictures="test, ten views",
                top1=37.5,
                top5=17.0,
                log=Log(network="#145-2010", top1=37.47, top5=17.00, words="loss 1.6147"),
            ),
        ),
    ),
    Table(
        name="ilsvrc-2012",
        title="ILSVRC-2012, validation and test",
        section="section 6, table 2",
        rows=(
            Result(model="SIFT and Fisher vectors, second place", pictures="test", top1=None, top5=26.2),
            Result(
                model="1 network",
                pictures="validation, ten views",
                top1=40.7,
                top5=18.2,
                log=Log(network="#145", top1=40.66, top5=18.21, words="loss 1.7415"),
            ),
            Result(model="5 networks", pictures="validation, ten views", top1=38.1, top5=16.4),
            Result(model="5 networks", pictures="test, ten views", top1=None, top5=16.4),
            Result(
                model="1 of six convolutions, after ImageNet 2011",
                pictures="validation, ten views",
                top1=39.0,
                top5=16.6,
                log=Log(network="#146-2012-2011", top1=38.99, top5=16.62),
            ),
            Result(model="7 networks: the five and two such", pictures="validation, ten views", top1=36.7, top5=15.4),
            Result(model="7 networks: the five and two such", pictures="test, ten views", top1=None, top5=15.3),
        ),
        note="Validation and test errors differ by at most 0.1 points, says the paper; 15.3% is of seven networks.",
    ),
    Table(
        name="imagenet-2009",
        title="ImageNet, autumn 2009: 10,184 classes, 8.9 million pictures, half of them to test",
        section="section 6",
        rows=(
            Result(model="best published before", pictures="test half", top1=78.1, top5=60.9),
            Result(model="the network of six convolutions", pictures="test half", top1=67.4, top5=40.9),
            Result(
                model="one of five convolutions, in the log alone",
                pictures="test half",
                top1=None,
                top5=None,
                log=Log(network="#131-2009", top1=69.4, top5=43.7),
            ),
        ),
    ),
)

INGREDIENTS = (
    Ingredient(
        name="ReLU instead of tanh",
        section="section 3.1, figure 1",
        words="25% training error on CIFAR-10 about 6 times sooner: four layers, no regularization",
        claim="relu",
    ),
    Ingredient(
        name="two columns instead of one of half the width",
        section="section 3.2",
        words="against a control that keeps the last convolution and the dense layers whole",
        top1=1.7,
        top5=1.2,
        log=Log(network="#145-half 39.17/18.23, #145-2010 37.47/17.00", top1=1.70, top5=1.23),
        claim="columns",
    ),
    Ingredient(
        name="response normalization",
        section="section 3.3",
        words="",
        top1=1.4,
        top5=1.2,
        log=Log(
            network="#148 42.03/19.36, #145 40.66/18.21",
            top1=1.37,
            top5=1.15,
            words="#148 leaves the within-map normalization out, too",
        ),
        claim="response-normalization",
    ),
    Ingredient(
        name="response normalization on CIFAR-10",
        section="section 3.3",
        words="a four-layer network from 13% to 11% test error",
        top1=2.0,
        claim="response-normalization-cifar",
    ),
    Ingredient(
        name="overlapping pooling, 3/2 instead of 2/2",
        section="section 3.4",
        words="",
        top1=0.4,
        top5=0.3,
        log=Log(network="#147 41.06/18.51, #145 40.66/18.21", top1=0.39, top5=0.30),
        claim="overlapping-pooling",
    ),
    Ingredient(
        name="links between the columns",
        section="not in the paper",
        words="numbers of parameters matched",
        log=Log(network="#150 41.83/19.33, #145 40.66/18.21", top1=1.16, top5=1.12),
        claim="cross-links",
    ),
    Ingredient(
        name="crops and mirror images",
        section="section 4.1",
        words="substantial overfitting without; no number",
        claim="crops-and-flips",
    ),
    Ingredient(
        name="colours shifted along principal components",
        section="section 4.1",
        words="over 1 point",
        claim="colour-pca",
    ),
    Ingredient(
        name="ten views instead of the centre crop",
        section="sections 4.1 and 6, table 1",
        words="",
        top1=1.5,
        top5=1.3,
        log=Log(network="#145-2010 39.02/18.30, 37.47/17.00", top1=1.55, top5=1.30),
        claim="ten-views",
    ),
    Ingredient(
        name="dropout",
        section="section 4.2",
        words="substantial overfitting without; about twice the iterations with; no number",
        claim="dropout",
    ),
    Ingredient(
        name="weight decay",
        section="section 5",
        words="lowers the training error, too; no number",
        claim="weight-decay",
    ),
    Ingredient(name="any of the middle layers", section="section 7", words="about 2 points", top1=2.0, claim="layers"),
)

CUTS = (
    Cut(what="ILSVRC-2010 test, top-1: best of the contest to the network", before=47.1, after=37.5),
    Cut(what="ILSVRC-2010 test, top-5: best of the contest to the network", before=28.2, after=17.0),
    Cut(what="ILSVRC-2010 test, top-1: best published to the network", before=45.7, after=37.5),
    Cut(what="ILSVRC-2010 test, top-5: best published to the network", before=25.7, after=17.0),
    Cut(what="ILSVRC-2012 test, top-5: second of the contest to seven networks", before=26.2, after=15.3),
    Cut(what="ILSVRC-2012 validation, top-1: one network to five", before=40.7, after=38.1),
    Cut(what="ILSVRC-2012 validation, top-5: one network to five", before=18.2, after=16.4),
    Cut(what="ImageNet 2009, top-1: best published to the network", before=78.1, after=67.4),
    Cut(what="ImageNet 2009, top-5: best published to the network", before=60.9, after=40.9),
)
