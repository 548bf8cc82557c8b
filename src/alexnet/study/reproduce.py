"""How is a question about claims answered? Plan, run what is missing, plan again, compare, report: `reproduce`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from alexnet import device as machines
from alexnet.study import cluster as ray_cluster
from alexnet.study import processes
from alexnet.study.answers import answers
from alexnet.study.baselines import Asked, Baselines
from alexnet.study.claim import Claim
from alexnet.study.claims import CLAIMS, chosen
from alexnet.study.curves import curves_of
from alexnet.study.outcome import Study
from alexnet.study.plan import Plan, plan
from alexnet.study.progress import Unwatched, Watcher, sizes_of
from alexnet.study.report import write_report
from alexnet.study.scales import ScaleName
from alexnet.study.store import Store
from alexnet.training.listener import Listener, Silent


class Audience(Listener, Watcher, Protocol):
    """Told how the preparing and the runs go."""


@dataclass(frozen=True, kw_only=True)
class Reproduced:
    """A study, and the page that tells of it."""

    study: Study
    page: Path


def reproduce(
    names: Sequence[str],
    source: str | os.PathLike[str],
    *,
    seeds: int = 5,
    scale: ScaleName = "small",
    epochs: int = 0,
    limit: int = 0,
    pretrain: str | os.PathLike[str] = "",
    out: str | os.PathLike[str] | None = None,
    jobs: int = 0,
    cluster: str | None = None,
    device: str = "auto",
    threads: int = 0,
    plan_only: bool = False,
    command: str = "",
    listener: Audience | None = None,
) -> Reproduced | None:
    """Try claims on pictures, over seeds, and write a report; None where only the plan was asked for.

    Finished runs of the study's folder are used again, whatever command made them; what was stopped goes on.

    Args:
        names: claims and groups of `claims.py`.
        source: the pictures, in any form that `alexnet.train` takes.
        seeds: runs of every arm, 0, 1, 2, ...
        scale: "small" or "full" (`scales.py`).
        epochs, limit: of the baseline; 0 = the scale's own.
        pretrain: other pictures, for the claims on pre-training, which are left out without them.
        out: the study's folder; None = studies/ and the pictures' name.
        jobs: runs at a time; 0 = one a core or GPU. threads: of each; 0 = the cores shared among the jobs.
        cluster: None = processes of this machine; else a Ray cluster's address, "auto" or "local".
        command: the words that asked, for the report.

    Raises:
        ValueError: of one sentence, for names, pictures or settings that do not fit.
        Interrupted: a signal asked to stop; all runs are saved, and the same command goes on.
    """
    if seeds < 1:
        raise ValueError(f"--seeds must be 1 or more (two or more for an interval), not {seeds}")
    for option, value in (("epochs", epochs), ("limit", limit)):
        if value < 0:
            raise ValueError(f"--{option} must be 1 or more, or 0 for the scale's own, not {value}")
    claims = chosen(names)
    listener = listener or _Unheard()
    folder = Path(out) if out is not None else Path("studies") / _name(source)
    if folder.is_file():
        raise ValueError(f"--out {folder} is a file; name a folder, new or of a study")
    machine = machines.choose(device)
    asked = Asked(source=str(source), pretrain=str(pretrain), scale=scale, epochs=epochs, limit=limit, seeds=seeds)
    numbers = tuple(range(seeds))
    with Store(folder) as store:
        baselines = Baselines(store.path, asked, machine, listener)
        kept, skipped = _fitting(claims, baselines, pretrain, single=len(claims) == 1)
        made = 0
        while True:
            found = plan(kept, baselines, store, numbers)
            todo = store.missing(found.runs.values())
            if plan_only:
                listener.say(_planned(found, todo))
                return None
            if not todo:
                break
            made += len(todo)
            at_a_time = jobs or _at_once(machine, threads)
            each = threads or max(1, processes.cores() // at_a_time)
            place: dict[str, Any] = {"device": device, "threads": each, "progress": listener, "command": command}
            if cluster is None:
                processes.run_all(todo, store, jobs=jobs, **place)
            else:
                address = "" if cluster == "local" else cluster
                ray_cluster.run_all(todo, store, address=address, jobs=jobs, **place)
        study = answers(
            claims, kept, skipped, found, store, baselines, asked, command=command, made=made, machine=machine
        )
        name = _report_name(names)
        write_report(study, CLAIMS, store.path, name, curves_of(study, store))
        return Reproduced(study=study, page=store.path / f"{name}.html")


def _at_once(machine: machines.Machine, threads: int) -> int:
    """Runs at a time: one a GPU, or one for every core or group of threads."""
    if machine.device.startswith("cuda"):
        return len(processes.visible_gpus())
    return 1 if machine.device != "cpu" else max(1, processes.cores() // max(1, threads))


def _name(source: str | os.PathLike[str]) -> str:
    """The pictures' name, as a folder may have it."""
    name = Path(os.path.abspath(source)).stem if os.path.exists(source) else str(source)
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip("-.") or "study"


def _report_name(names: Sequence[str]) -> str:
    """The words of the command, joined; shortened where they are many."""
    joined = "+".join(dict.fromkeys(names))
    return joined if len(joined) <= 80 else f"{names[0]}+{len(set(names)) - 1}-more"


def _fitting(
    claims: Sequence[Claim], baselines: Baselines, pretrain: str | os.PathLike[str], *, single: bool
) -> tuple[list[Claim], dict[str, str]]:
    """The claims that can be tried here, and why the others cannot. Of a single one the reason is an error."""
    kept: list[Claim] = []
    skipped: dict[str, str] = {}
    for claim in claims:
        try:
            if any(arm.elsewhere for arm in claim.arms):
                if not pretrain:
                    raise ValueError(f"{claim.name} pre-trains on other pictures; give them with --pretrain SOURCE")
                baselines.of(claim, elsewhere=True)
            baselines.check(claim)
            kept.append(claim)
        except ValueError as error:
            if single:
                raise
            skipped[claim.name] = str(error)
    if not kept:
        raise ValueError(f"none of these claims can be tried on these pictures: {next(iter(skipped.values()))}")
    return kept, skipped


def _planned(found: Plan, todo: Sequence[Any]) -> str:
    """What `--plan` says."""
    sizes = sizes_of(todo)
    steps = sum(size.steps for size in sizes.values())
    lines = [f"{len(found.runs)} runs, {len(found.runs) - len(todo)} of them finished; {steps:,} steps to go"]
    lines += [f"{one.about}: {sizes[one.key].steps:,} steps, {one.key}" for one in todo]
    return "\n".join(lines)


class _Unheard(Unwatched, Silent):
    """Shows nothing."""
