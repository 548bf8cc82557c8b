"""Who trains, who selects, who tests? As the source says, or drawn: stratified, seeded, equal files on one side.

The draw depends on the pictures' contents and the seed, not on their names, order or place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alexnet.data.listing import SPLITS

#: Roles of rows. `select` is carved out of training pictures, to choose the best epoch on; people call it val.
ROLES = {**SPLITS, "select": 3}
TRAIN, VAL, TEST, SELECT = ROLES["train"], ROLES["val"], ROLES["test"], ROLES["select"]

#: Below so many pictures a class, a tenth of them is too few to select on.
FEW = 20

_GOLDEN, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """The role of every row, and what is said of it."""

    roles: np.ndarray
    """int8 (N,), numbers of `ROLES`."""
    rule: str
    """One sentence for people."""
    evaluated: str
    """The split whose scores are reported: "test" or "val"."""
    note: str
    """"also used for selection" where that holds of the evaluated split, else empty."""
    selects: bool
    """Whether there are pictures to choose the best epoch on."""


def assign(labels: np.ndarray, given: np.ndarray, hashes: np.ndarray, seed: int) -> Split:
    """The roles.

    Nothing given: 80% train, 10% select, 10% test of every class; with fewer than 20 pictures a class on average 75%
    train, 25% test, and nothing selects. train and val: val selects and is reported. train and test: a tenth of train
    selects, test is reported. All three: as named. A source without train can be evaluated on, not trained on.

    Args:
        labels: int (N,).
        given: int8 (N,), the source's splits, -1 where it names none.
        hashes: uint8 (N, 16 or more), of the contents: rows with equal hashes are kept together.
        seed: of the draw.

    Raises:
        ValueError: when some rows name a split and others do not.
    """
    named = [name for name, number in SPLITS.items() if (given == number).any()]
    if (given < 0).any() and named:
        raise ValueError(
            f"{int((given < 0).sum()):,} of {len(given):,} pictures name no split, the others do; "
            "name one for all or for none"
        )
    roles = np.array(given, np.int8)
    drawn = f"drawn with seed {seed}, the same share of every class, identical files on one side"
    if named in ([], ["train"]):
        few = len(labels) < FEW * len(np.unique(labels))
        shares = {TEST: 0.25} if few else {TEST: 0.1, SELECT: 0.1}
        roles = _drawn(labels, hashes, seed, shares)
        said = "75% train, 25% test and none to select on, since there are fewer than 20 pictures a class"
        said = said if few else "80% train, 10% val to select on, 10% test"
        rule = f"no split given: {said}; {drawn}"
        return Split(roles=roles, rule=rule, evaluated="test", note="", selects=bool((roles == SELECT).any()))
    overlap = _shared(given, hashes)
    if named == ["train", "test"]:
        train = np.flatnonzero(given == TRAIN)
        carved = _drawn(labels[train], hashes[train], seed, {SELECT: 0.1})
        roles[train] = carved
        rule = f"train and test as given; 10% of train selects, {drawn}{overlap}"
        return Split(roles=roles, rule=rule, evaluated="test", note="", selects=bool((carved == SELECT).any()))
    selects = "train" in named and "val" in named
    evaluated = "test" if "test" in named else "val"
    note = "also used for selection" if selects and evaluated == "val" else ""
    said = f"{', '.join(named)} as given" + ("; val selects" if selects else "") + (" and is reported" if note else "")
    return Split(roles=roles, rule=said + overlap, evaluated=evaluated, note=note, selects=selects)


def _shared(given: np.ndarray, hashes: np.ndarray) -> str:
    """A clause on test (or else val) pictures that are byte for byte among the training pictures; empty if none are."""
    split = "test" if (given == TEST).any() else "val"
    order, start, _ = _groups(hashes)
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(start) - 1
    both = np.isin(group[given == SPLITS[split]], group[given == TRAIN])
    return f"; {int(both.sum()):,} pictures of {split} are byte for byte also in train" if both.any() else ""


def _groups(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows sorted by content (N,), where a new content begins (N,) bool, and the first 16 bytes as uint64 (N, 2)."""
    words = np.ascontiguousarray(hashes[:, :16]).view("<u8")
    order = np.lexsort((words[:, 1], words[:, 0]))
    start = np.ones(len(order), bool)
    start[1:] = (words[order[1:]] != words[order[:-1]]).any(1)
    return order, start, words


def _drawn(labels: np.ndarray, hashes: np.ndarray, seed: int, shares: dict[int, float]) -> np.ndarray:
    """Roles (N,) int8: of every class, `shares` of the different contents, at least one each, the rest train."""
    order, start, words = _groups(hashes)
    group = np.cumsum(start) - 1  # of the rows in this order
    first = order[start]
    classes = np.full(len(first), np.iinfo(np.int64).max)
    np.minimum.at(classes, group, labels[order])  # a content with two labels counts with the lower one
    # Contents in random order within their class: a hash of content and seed.
    mixed = _mix(words[first, 0] ^ _mix(np.array([seed & (2**64 - 1)], np.uint64) * _GOLDEN + np.uint64(1)))
    ranked = np.lexsort((mixed, classes))
    sizes = np.unique(classes, return_counts=True)[1]
    place = np.arange(len(ranked)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    of_class = np.repeat(sizes, sizes)
    by_content = np.full(len(first), TRAIN, np.int8)
    taken = np.zeros(len(ranked), np.int64)
    for role, share in shares.items():
        # Train keeps one; then test is served, then select.
        count = np.minimum(
            np.maximum((of_class * share + 0.5).astype(np.int64), 1), np.maximum(of_class - 1 - taken, 0)
        )
        by_content[ranked[(place >= taken) & (place < taken + count)]] = role
        taken += count
    roles = np.empty(len(order), np.int8)
    roles[order] = by_content[group]
    return roles


def _mix(x: np.ndarray) -> np.ndarray:
    """splitmix64's finisher on uint64, which wrap."""
    x = (x ^ (x >> np.uint64(30))) * _FIRST
    x = (x ^ (x >> np.uint64(27))) * _SECOND
    mixed: np.ndarray = x ^ (x >> np.uint64(31))
    return mixed
