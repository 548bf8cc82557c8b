"""Which machine does this run on? Device, threads, precision, and the process's rank.

The only file that asks for a rank. `rank` and `processes` read the launcher's environment and import no torch.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alexnet.kernels import allocation

if TYPE_CHECKING:
    import torch


def rank() -> int:
    """This process's number among those the launcher started; 0 without a launcher."""
    return int(os.environ.get("RANK", "0"))


def place_in(group: torch.distributed.ProcessGroup | None = None) -> tuple[int, int]:
    """This process's number in a group of torch.distributed (None: all processes), and how many there are.

    Raises ValueError where no group has been started.
    """
    import torch.distributed

    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        raise ValueError("no group of processes has been started; call torch.distributed.init_process_group first")
    return torch.distributed.get_rank(group), torch.distributed.get_world_size(group)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What `resolve` needs to know of the machine."""

    device: str
    """"cpu", "cuda" or "mps"."""
    threads: int
    """Threads torch computes with on the CPU."""
    memory: int
    """Bytes of memory of the device (of the machine where the device is the CPU)."""
    bf16: bool
    """Whether bfloat16 arithmetic is done by the hardware."""
    name: str


def choose(device: str = "auto", threads: int = 0) -> Machine:
    """The machine for `--device` and `--threads` (0 = torch's own number, which is set for the process otherwise).

    Raises ValueError for a device that is not there.
    """
    import torch

    offered = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        device = "cuda" if offered["cuda"] else "mps" if offered["mps"] else "cpu"
    if device.split(":")[0] not in offered:
        raise ValueError(f"the device {device!r} is not known; it is one of auto, {', '.join(offered)}")
    if not offered[device.split(":")[0]]:
        here = ", ".join(name for name, there in offered.items() if there)
        raise ValueError(f"torch finds no device {device!r} on this machine; here it can use: {here}")
    if threads < 0:
        raise ValueError(f"--threads must be 1 or more, or 0 for torch's own number, not {threads}")
    if threads:
        torch.set_num_threads(threads)
    if device.startswith("cuda"):
        properties = torch.cuda.get_device_properties(device)
        return Machine(
            device=device,
            threads=torch.get_num_threads(),
            memory=properties.total_memory,
            bf16=torch.cuda.is_bf16_supported(including_emulation=False),
            name=properties.name,
        )
    if device == "cpu":
        allocation.keep()
    return Machine(
        device=device,
        threads=torch.get_num_threads(),
        memory=_memory(),
        bf16=device == "cpu" and bool(_cpu_flags() & {"avx512_bf16", "amx_bf16", "bf16"}),
        name=_cpu_name(),
    )


def environment() -> dict[str, Any]:
    """What equality of two runs depends on beside the config: versions, instruction set, threads, ranks."""
    import numpy
    import torch

    from alexnet.config import NUMERICS_VERSION
    from alexnet.kernels import build

    return {
        "numerics_version": NUMERICS_VERSION,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "system": platform.platform(),
        "processor": _cpu_name(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "kernels": build.state(),
        "threads": torch.get_num_threads(),
        "ranks": int(os.environ.get("WORLD_SIZE", "1")),
        "cuda": torch.version.cuda,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def autocast(device: str, precision: str) -> torch.autocast:
    """The arithmetic of a forward pass: bf16 is autocast, everything else the tensors' own type."""
    import torch

    return torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=precision == "bf16")


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _cpuinfo(field: str) -> str:
    """One field of the first processor in /proc/cpuinfo; empty on systems without that file."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(field)), "")
    except OSError:
        return ""


def _cpu_flags() -> set[str]:
    return set((_cpuinfo("flags") or _cpuinfo("Features")).split())


def _cpu_name() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()
