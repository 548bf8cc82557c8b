"""How is what `check` found said: as JSON values, and as tables for people to work through?"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from alexnet.data.inspect import Inspection, counted
from alexnet.data.inspect.copies import KINDS
from alexnet.data.listing import SPLITS

_SPLIT_NAMES = {number: name for name, number in SPLITS.items()} | {-1: ""}


def facts(found: Inspection) -> dict[str, Any]:
    """All that was found, but for the rows themselves, which are in the tables."""
    listing, looks, copies = found.listing, found.looks, found.copies
    readable, counts, taught = looks.readable, found.counts(), found.taught()
    lost = found.area_lost()
    return {
        "name": listing.name,
        "kind": listing.kind,
        "location": listing.location,
        "pictures": int(readable.sum()),
        "classes": {
            name: {
                **{split: int(counts[label, number]) for split, number in SPLITS.items() if counts[:, number].any()},
                "pictures": int(counts[label].sum()),
                "area_lost": None if np.isnan(lost[label]) else float(lost[label]),
            }
            for label, name in enumerate(listing.classes)
        },
        "splits": {name: int(counts[:, number].sum()) for name, number in SPLITS.items() if counts[:, number].any()},
        "sizes": {
            "width": _spread(looks.width[readable]),
            "height": _spread(looks.height[readable]),
            "bytes": _spread(looks.bytes[readable]),
        },
        "formats": counted(looks.format[readable]),
        "modes": counted(looks.mode[readable]),
        "not_used": counted(np.array([reason for _, reason in listing.left_out], object)),
        "unreadable": counted(looks.reason[found.unreadable]),
        "misnamed": len(found.misnamed),
        "constant": len(found.constant),
        "tiny": len(found.tiny),
        "extreme_shapes": len(found.extreme),
        "odd_colour": {"which": found.odd_colour_name, "pictures": len(found.odd_colour)},
        "copies": {
            "same_file": int((copies.kind == 0).sum()),
            "same_pixels": int((copies.kind == 1).sum()),
            "near_pairs": int((copies.kind == 2).sum()) if copies.searched else None,
            "complete": copies.complete,
            "groups": int((np.bincount(copies.groups, minlength=1) > 1).sum()),
            "contradictory": len(found.contradictory),
            "doubtful": len(found.doubtful),
            "in_train_too": {name: len(rows) for name, rows in found.leaked.items()},
        },
        "balance": balance(taught),
        "area_lost": {"mean": float(looks.lost[readable].mean()) if readable.any() else 0.0},
    }


def balance(counts: np.ndarray) -> dict[str, float]:
    """Largest class over smallest, and the effective number of classes: e to the entropy of their shares."""
    shares = counts[counts > 0] / max(1, counts.sum())
    return {
        "largest": int(counts.max(initial=0)),
        "smallest": int(counts.min(initial=counts.max(initial=0))),
        "ratio": float(counts.max(initial=0) / max(1, counts.min(initial=1 << 60))),
        "effective_classes": float(np.exp(-(shares * np.log(shares)).sum())),
    }


def _spread(values: np.ndarray) -> dict[str, int]:
    if not len(values):
        return {"min": 0, "median": 0, "max": 0}
    return {"min": int(values.min()), "median": int(np.median(values)), "max": int(values.max())}


def findings(found: Inspection) -> Iterator[tuple[str, int, str]]:
    """(finding, row, detail) of every picture that something is said of; row -1: not a picture of the listing."""
    looks, listing = found.looks, found.listing
    for row in found.unreadable.tolist():
        yield "unreadable", row, str(looks.reason[row])
    for row in found.misnamed.tolist():
        yield "misnamed", row, f"holds a {looks.format[row]} picture"
    for row in found.constant.tolist():
        yield "constant", row, f"{colour_name(looks.colour[row])} all over"
    for row in found.tiny.tolist():
        yield "tiny", row, f"{looks.width[row]} x {looks.height[row]} pixels"
    for row in found.extreme.tolist():
        yield "extreme shape", row, f"{looks.width[row]} x {looks.height[row]} pixels"
    for row in found.odd_colour.tolist():
        yield found.odd_colour_name, row, ""
    for row in found.contradictory.tolist():
        yield "contradictory labels", row, "an equal picture has another label"
    for row in found.doubtful.tolist():
        yield "doubtful label", row, "a nearly equal picture has another label"
    for split, rows in found.leaked.items():
        for row in rows.tolist():
            yield "in train too", row, f"of {split}; its copy is in copies.csv"
    for place, (_, reason) in enumerate(listing.left_out):
        yield "not used", -1 - place, reason


def colour_name(colour: np.ndarray) -> str:
    """ "black", "white", "grey" or the three levels."""
    if int(colour.max()) - int(colour.min()) > 8:
        return f"red {colour[0]}, green {colour[1]}, blue {colour[2]}"
    level = int(colour.mean())
    return "black" if level < 8 else "white" if level > 247 else "grey"


def write_tables(found: Inspection, folder: Path) -> None:
    """pictures.csv, findings.csv and copies.csv in a folder."""
    listing, looks, copies = found.listing, found.looks, found.copies
    origins = listing.origins.to_pylist()
    names = [_SPLIT_NAMES[int(split)] for split in listing.splits]
    classes = [listing.classes[label] for label in listing.labels]
    with (folder / "pictures.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(
            ["path", "label", "split", "width", "height", "bytes", "format", "mode", "area_lost", "unreadable"]
        )
        for row, lost in enumerate(looks.lost.tolist()):
            read = [looks.width[row], looks.height[row], looks.bytes[row], looks.format[row], looks.mode[row],
                    f"{lost:.4f}"]  # fmt: skip
            rows.writerow(
                [origins[row], classes[row], names[row], *(read if not looks.reason[row] else [""] * 6),
                 looks.reason[row]]
            )  # fmt: skip
    with (folder / "findings.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["finding", "path", "label", "split", "detail"])
        for finding, row, detail in findings(found):
            picture = [origins[row], classes[row], names[row]] if row >= 0 else [listing.left_out[-1 - row][0], "", ""]
            rows.writerow([finding, *picture, detail])
    with (folder / "copies.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["kind", "similarity", "mirrored", "path", "label", "split", "path2", "label2", "split2"])
        for pair in zip(copies.kind, copies.similarity, copies.mirrored, copies.first, copies.second, strict=True):
            kind, similarity, mirrored, first, second = pair
            both = [value for row in (first, second) for value in (origins[row], classes[row], names[row])]
            rows.writerow([KINDS[kind], f"{similarity:.3f}", "yes" if mirrored else "", *both])
