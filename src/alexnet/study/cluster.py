"""How are many runs made on many machines? The same runs, each in a task of a Ray cluster: `run_all`.

Ray only says where a run is made. The run is the same process as on one machine, it writes into the study's folder,
which all machines must see under the same path, and `supervise` starts it again elsewhere when it or its machine dies.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alexnet.study.planned import PlannedRun
from alexnet.study.processes import Process, cores
from alexnet.study.progress import Watcher
from alexnet.study.store import Store
from alexnet.study.supervise import Working, supervise
from alexnet.study.work import SAVE_EVERY

INSTALL = "--cluster needs Ray, which {why}; pip install 'alexnet[cluster]', or leave out --cluster"
#: Before Ray is imported: it sends nothing home, and leaves CUDA_VISIBLE_DEVICES alone where no GPU is asked for.
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
#: Bytes for results that tasks hand over, which are numbers: the least that Ray takes.
_OBJECTS = 80 << 20


def run_all(
    planned: Sequence[PlannedRun],
    store: Store,
    *,
    address: str = "",
    jobs: int = 0,
    device: str = "auto",
    threads: int = 1,
    progress: Watcher | None = None,
    command: str = "give the same command again",
    save_every: float = SAVE_EVERY,
) -> None:
    """Make the runs that the store lacks on a Ray cluster; see `supervise`.

    Args:
        address: of the cluster, as `ray.init` takes it ("auto", "10.0.0.1:6379"); "" starts one on this machine.
        jobs: runs at a time; 0 for as many as the cluster has room for.
        device: "auto" takes GPUs where the cluster has any. A run takes one GPU, or `threads` cores.

    Raises:
        ValueError: Ray is missing, or does not answer; and as `supervise` does.
        Interrupted, RuntimeError: as `supervise` does.
    """
    if not store.missing(planned):
        return
    place = Cluster(address=address, jobs=jobs, device=device, threads=threads)
    try:
        supervise(planned, store, place, threads=threads, progress=progress, command=command, save_every=save_every)
    finally:
        place.close()


class Cluster:
    """A Ray cluster as a `Place`."""

    def __init__(self, *, address: str, jobs: int, device: str, threads: int) -> None:
        if jobs < 0:
            raise ValueError(f"--jobs takes a number of runs at a time, or 0 for as many as fit, not {jobs}")
        if threads < 1:
            raise ValueError(f"--threads must be 1 or more where runs share a machine, not {threads}")
        self._ray = _connected(address, max(cores(), max(1, jobs) * threads))
        there = self._ray.cluster_resources()
        gpus = int(there.get("GPU", 0))
        self.device = ("cuda" if gpus else "cpu") if device == "auto" else device
        if self.device == "cuda" and not gpus:
            self.close()
            raise ValueError("--device cuda needs a GPU, and the Ray cluster has none")
        largest = max(node["Resources"].get("CPU", 0) for node in self._ray.nodes() if node["Alive"])
        if threads > largest:  # Ray would wait for such a machine for ever
            self.close()
            raise ValueError(f"--threads {threads} is more than any machine of the cluster has: {largest:g} at most")
        own = gpus if self.device == "cuda" else int(there.get("CPU", 0)) // threads
        self.room = jobs or max(1, own)
        # `supervise` starts a run again, whose log it can read; Ray's own retries would not be seen.
        needs = {"num_cpus": threads, "num_gpus": 1 if self.device == "cuda" else 0, "max_retries": 0}
        self._task, self._threads = self._ray.remote(in_a_task).options(**needs), threads

    def start(self, task: Path) -> Working:
        """A task of the cluster, which begins when there is room."""
        return _Task(self._ray, self._task.remote(str(task), self._threads))

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self._ray.shutdown()


class _Task:
    """A run in a task of the cluster."""

    def __init__(self, ray: Any, reference: Any) -> None:
        self._ray, self._reference = ray, reference
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code of its process; -9 where Ray lost it with its worker or machine; None while it works."""
        if self._code is None and self._ray.wait([self._reference], timeout=0)[0]:
            try:
                self._code = int(self._ray.get(self._reference))
            except self._ray.exceptions.TaskCancelledError:
                self._code = -15
            except self._ray.exceptions.RayTaskError as error:
                raise ValueError(str(error.cause)) from error  # no run can be made there
            except self._ray.exceptions.RayError:
                self._code = -9
        return self._code

    def stop(self) -> None:
        """Ask it to save and end."""
        self._ray.cancel(self._reference)


def in_a_task(task: str, threads: int) -> int:
    """Make a run, on whatever machine; returns its process's exit code. Raises ValueError where its folder is not."""
    path = Path(task)
    if not path.exists():
        raise ValueError(
            f"{os.uname().nodename} does not see {path}; a cluster's machines must share the study's folder"
        )
    process = Process(path, threads, {})
    try:
        while (code := process.poll()) is None:
            time.sleep(0.2)
        return code
    finally:  # a cancelled task is interrupted as by Ctrl-C
        process.stop()
        while process.poll() is None:
            time.sleep(0.2)


def _connected(address: str, own: int) -> Any:
    """Ray, connected to a cluster, or to one on this machine with so many cores."""
    os.environ.update(_QUIET)
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise ValueError(INSTALL.format(why=f"is not installed ({error})")) from error
    except RuntimeError as error:
        raise ValueError(INSTALL.format(why=f"does not work here ({error})")) from error
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "ignore_reinit_error": True}
    if not address:
        ray.init("local", num_cpus=own, include_dashboard=False, object_store_memory=_OBJECTS, **quiet)
        return ray
    try:
        _knock(address)
        ray.init(address, **quiet)
    except (OSError, RuntimeError, ValueError) as error:
        said = " ".join(str(error).split())[:160]
        raise ValueError(
            f"no Ray cluster answers at {address} ({said}); `ray start --head` begins one, and one that wants a token "
            "gets it with RAY_AUTH_MODE=token"
        ) from None
    return ray


def _knock(address: str) -> None:
    """OSError where nothing listens there, which Ray itself finds out only after minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()
