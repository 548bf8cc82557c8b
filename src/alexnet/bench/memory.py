"""How much memory does a training step need at most, ours against plain PyTorch, each in a process of its own?

What is counted is the most that the process held less what it held before the network was made: on a CPU its resident
memory as the system counts it, on a GPU torch's own sum. The second step is included, when the optimizer has its state.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from alexnet.bench.asked import Asked
from alexnet.bench.result import ratios, row
from alexnet.bench.run import Found
from alexnet.bench.step import notes
from alexnet.bench.subjects import Say, Subject, subjects
from alexnet.device import Machine
from alexnet.kernels import allocation

#: Steps after which all that a step needs has been there.
STEPS = 2
_CHILD = "import sys; from alexnet.bench.memory import measure_here; measure_here(*sys.argv[1:])"
PLAIN = "plain"


def measure(asked: Asked, machine: Machine, rounds: int, say: Say) -> Found:
    """A group of rows for every network, MB."""
    import time

    rows: list[dict[str, Any]] = []
    for subject in subjects(asked):
        batch = asked.batch or subject.batch
        say(f"  {subject.name}, batch {batch}")
        ways = (*asked.precisions(), PLAIN)
        found: dict[str, list[float]] = {way: [] for way in ways}
        began = time.monotonic()
        for number in range(rounds):
            if number and time.monotonic() - began >= asked.seconds:
                break
            for way in ways:
                found[way].append(in_a_process(subject, way, batch, machine))
        group = f"{subject.name}, batch {batch}"
        for way in ways:
            peers = {} if way == PLAIN else {PLAIN: found[PLAIN]}
            name = way if way == PLAIN else f"ours, {way}"
            rows.append(row(group, name, "MB", found[way], ratios=ratios(found[way], peers)))
    return Found(rows=rows, notes=[*notes(), "Less what the process held before its network was made."])


def in_a_process(subject: Subject, way: str, batch: int, machine: Machine) -> float:
    """MB that a step needs, measured in a fresh process. Raises RuntimeError with the process's last line."""
    words = (subject.name, way, str(batch), machine.device, str(machine.threads))
    # The plain one has the allocator that its users have.
    own = os.environ | ({allocation.SWITCH: "off"} if way == PLAIN else {})
    done = subprocess.run([sys.executable, "-c", _CHILD, *words], capture_output=True, text=True, env=own, check=False)
    if done.returncode:
        last = (done.stderr.strip() or f"it ended with {done.returncode}").splitlines()[-1]
        raise RuntimeError(f"the process that measures the memory of {subject.name} failed: {last}")
    return float(json.loads(done.stdout.splitlines()[-1]))


def measure_here(name: str, way: str, batch: str, device: str, threads: str) -> None:
    """Take some steps in this process and print the MB they needed."""
    from alexnet import device as machines
    from alexnet.bench.peers import peer, plain_step
    from alexnet.bench.subjects import SUBJECTS, noise, of_subject
    from alexnet.bench.timing import peak_memory
    from alexnet.recipes import RECIPES

    machine = machines.choose(device, int(threads))
    subject = SUBJECTS[name]
    before = peak_memory(machine.device)
    if way == PLAIN:
        images, labels = noise(subject, int(batch), machine.device)
        network, _ = peer(name, subject.classes)
        smoothing = RECIPES[subject.recipe].config.train.label_smoothing
        work = plain_step(network.to(machine.device), images, labels, smoothing=smoothing)
    else:
        work = of_subject(subject, int(batch), way, machine).step
    for _ in range(STEPS):
        work()
    print(json.dumps((peak_memory(machine.device) - before) / 1e6))
