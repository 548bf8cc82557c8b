"""How does a person read what `check` found? A line for each thing, with examples and advice; what was not found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from alexnet.data.inspect import SMALL_CLASS, UNBALANCED, Inspection
from alexnet.data.inspect.alike import SMALLEST
from alexnet.data.inspect.findings import balance, colour_name, facts
from alexnet.data.listing import SPLITS
from alexnet.data.storage import gigabytes

#: Examples of a finding that are named.
_EXAMPLES = 3
#: Mean share of the area from which the loss to the crop is worth an advice.
_MUCH = 0.1

#: What is told: a word for it, a sentence, examples.
Line = tuple[str, str, list[str]]


def told(found: Inspection) -> str:
    """The report, lines of text; each begins with a word, examples stand under it."""
    lines = [*_overview(found), *_files(found), *_copies(found), *_leakage(found), *_classes(found), *_crop(found)]
    wide = max(len(word) for word, _, _ in lines)
    text = [_head(found)]
    for word, sentence, examples in lines:
        text.append(f"  {word:<{wide}}  {sentence}")
        text += [f"  {'':<{wide}}    {example}" for example in examples]
    return "\n".join(text)


def _head(found: Inspection) -> str:
    told, classes = facts(found), len(found.listing.classes)
    splits = ", ".join(f"{name} {count:,}" for name, count in told["splits"].items())
    pictures = _number(told["pictures"], "picture")
    return f"{told['name']}: {pictures} in {classes:,} classes; {splits or 'no split named'}"


def _overview(found: Inspection) -> Iterator[Line]:
    told = facts(found)
    width, height, size = (told["sizes"][name] for name in ("width", "height", "bytes"))
    if (width["min"], height["min"]) == (width["max"], height["max"]):
        pixels = f"all {width['min']:,} x {height['min']:,} pixels"
    else:
        pixels = (
            f"width {width['min']:,} to {width['max']:,} pixels, median {width['median']:,}; "
            f"height {height['min']:,} to {height['max']:,}, median {height['median']:,}"
        )
    sizes = f"{_bytes(size['min'])} to {_bytes(size['max'])}, median {_bytes(size['median'])}"
    yield "size", f"{pixels}; {sizes}", []
    yield "format", f"{_counts(told['formats'])}; mode {_counts(told['modes'])}", []
    if found.listing.left_out:
        left_out = [f"{path}: {reason}" for path, reason in found.listing.left_out[:_EXAMPLES]]
        count = len(found.listing.left_out)
        yield "not used", _number(count, "file or folder", "files and folders"), left_out + _rest(count)


def _files(found: Inspection) -> Iterator[Line]:
    looks = found.looks

    def pixels(row: int) -> str:
        return f"{looks.width[row]:,} x {looks.height[row]:,} pixels"

    def misnamed(row: int) -> str:
        return f"holds {looks.format[row]}, and is read as that"

    def colour(row: int) -> str:
        return f"{colour_name(looks.colour[row])} all over"

    kinds: tuple[tuple[str, str, np.ndarray, Callable[[int], str]], ...] = (
        ("unreadable", "file", found.unreadable, lambda row: str(looks.reason[row])),
        ("misnamed", "file", found.misnamed, misnamed),
        ("one colour", "picture", found.constant, colour),
        ("tiny", "picture", found.tiny, pixels),
        ("long shape", "picture", found.extreme, pixels),
    )
    for word, unit, rows, detail in kinds:
        if len(rows):
            yield word, _number(len(rows), unit), _examples(found, rows, [detail(row) for row in rows[:_EXAMPLES]])
    if len(found.odd_colour):
        others = "coloured" if found.odd_colour_name == "grey" else "grey"
        said = f"{_number(len(found.odd_colour), 'picture')}, {found.odd_colour_name} among {others} ones"
        yield "colour", said, _examples(found, found.odd_colour)
    none = [word for word, _, rows, _ in kinds if not len(rows)]
    if none:
        yield "not found", ", ".join(none), []


def _copies(found: Inspection) -> Iterator[Line]:
    copies, origins = found.copies, found.listing.origins
    for kind, what in enumerate(("the file of another again", "the pixels of another in another file", "")):
        rows = np.flatnonzero(copies.kind == kind)
        if not len(rows):
            continue
        if kind == 2:
            both = np.union1d(copies.first[rows], copies.second[rows])
            groups = _number(len(np.unique(copies.groups[both])), "group")
            said = f"{len(both):,} pictures nearly the same, in {groups} and {_number(len(rows), 'pair')}"
        else:
            said = f"{_number(len(rows), 'picture')} {'is' if len(rows) == 1 else 'are'} {what}"
        pairs = []
        for row in rows[:_EXAMPLES]:
            mirrored = ", mirrored" if copies.mirrored[row] else ""
            alike = f" ({copies.similarity[row]:.2f}{mirrored})" if kind == 2 else ""
            pairs.append(f"{origins[int(copies.first[row])]} and {origins[int(copies.second[row])]}{alike}")
        yield "copies", said, pairs + _rest(len(rows))
    looks = found.looks
    small = int((looks.readable & (np.minimum(looks.width, looks.height) < SMALLEST)).sum())
    if not copies.searched:
        unsearched = "; what is nearly the same was not looked for"
    elif small:
        unsearched = f"; {_number(small, 'picture')} of under {SMALLEST} pixels a side compared for equality only"
    else:
        unsearched = ""
    if not len(copies):
        yield "copies", f"none found{unsearched}", []
    elif unsearched:
        yield "", unsearched.removeprefix("; "), []
    if not copies.complete:
        yield "", "more likely pairs than could be looked at closely: others may have been missed", []


def _leakage(found: Inspection) -> Iterator[Line]:
    copies, listing = found.copies, found.listing
    for split, rows in found.leaked.items():
        if len(rows):
            share = 100 * len(rows) / int((found.looks.readable & (listing.splits == SPLITS[split])).sum())
            said = (
                f"{_number(len(rows), 'picture')} of {split} ({share:.1f}%) also in train: its error comes out too low"
            )
            yield "leakage", said, _examples(found, rows)
    if not found.leaked and len(copies):
        said = (
            "no split is named, and one that is drawn keeps equal files on one side, but no other copies: "
            "remove them, or name the split in a list"
        )
        yield "leakage", said, []
    for word, rows in (("equal", found.contradictory), ("nearly equal", found.doubtful)):
        if len(rows):
            labels = [f"labelled {listing.classes[listing.labels[row]]}" for row in rows[:_EXAMPLES]]
            said = f"{_number(len(rows), 'picture')} with one {word} to it under another label"
            yield "labels", said, _examples(found, rows, labels)


def _classes(found: Inspection) -> Iterator[Line]:
    counts, classes = found.taught(), found.listing.classes
    told = balance(counts)
    where = "training pictures" if "train" in facts(found)["splits"] else "pictures"
    if told["largest"] == told["smallest"]:
        yield "balance", f"{told['largest']:,} {where if told['largest'] != 1 else where[:-1]} in every class", []
    else:
        large, small = (classes[int(place)] for place in (counts.argmax(), counts.argmin()))
        text = (
            f"{told['smallest']:,} ({small}) to {told['largest']:,} ({large}) {where} a class, "
            f"worth {told['effective_classes']:.1f} equal classes of {len(classes)}"
        )
        if told["ratio"] >= UNBALANCED:
            text += "; consider --train.class-weights balanced or --train.sampling balanced"
        yield "balance", text, []
    few = [classes[label] for label in np.flatnonzero(counts < SMALL_CLASS)]
    if few:
        said = f"{_number(len(few), 'class', 'classes')} with fewer than {SMALL_CLASS} {where}: {_names(few)}"
        yield "few", said, []


def _crop(found: Inspection) -> Iterator[Line]:
    lost, readable = found.looks.lost, found.looks.readable
    if not readable.any():
        return
    mean, by_class = float(lost[readable].mean()), found.area_lost()
    if mean == 0:
        yield "crop", "all pictures are square: it cuts nothing off", []
        return
    low, high = int(np.nanargmin(by_class)), int(np.nanargmax(by_class))
    classes = found.listing.classes
    text = f"cuts off {100 * mean:.1f}% of the area on average"
    if by_class[low] < by_class[high]:
        text += f", {100 * by_class[low]:.1f}% ({classes[low]}) to {100 * by_class[high]:.1f}% ({classes[high]})"
    if mean >= _MUCH:
        text += "; compare --fit letterbox and --fit squash"
    worst = np.flatnonzero(readable)
    worst = worst[np.argsort(-lost[worst], kind="stable")[:_EXAMPLES]]
    yield "crop", text, _examples(found, worst, [f"{100 * lost[row]:.0f}%" for row in worst])


def _examples(found: Inspection, rows: np.ndarray, details: Sequence[str] = ()) -> list[str]:
    names = [str(found.listing.origins[int(row)]) for row in rows[:_EXAMPLES]]
    said = [f"{name}: {detail}" for name, detail in zip(names, details, strict=True)] if details else names
    return said + _rest(len(rows))


def _rest(count: int) -> list[str]:
    return [f"... and {count - _EXAMPLES:,} more"] if count > _EXAMPLES else []


def _counts(values: dict[str, int], most: int = 8) -> str:
    said = [f"{name} {count:,}" for name, count in values.items()]
    return ", ".join(said[:most]) + (", ..." if len(said) > most else "")


def _names(names: Sequence[str]) -> str:
    shown: Iterable[str] = names[:_EXAMPLES]
    return ", ".join(shown) + (f" and {len(names) - _EXAMPLES} more" if len(names) > _EXAMPLES else "")


def _number(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _bytes(count: int) -> str:
    if count < 1e6:
        return f"{count:,} bytes" if count < 1000 else f"{count / 1000:,.0f} kB"
    return gigabytes(count)
