"""How does a C file become functions to call? Compiled for this very processor, once, and kept in the cache."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

#: `off` turns all kernels off, for comparing.
SWITCH = "ALEXNET_KERNELS"
#: Exact arithmetic but for a product and a sum in one rounding (fma) where the processor has that.
FLAGS = ("-O3", "-march=native", "-fopenmp", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared", "-std=c11")
#: Seconds after which a compiler is given up.
PATIENCE = 60
#: Why there is no kernel, once that was said.
_SAID: list[str] = []
#: The kernels, each a C file.
SOURCES = ("crop", "normalization", "pooling", "velocity", "within")


def wanted() -> bool:
    """Whether kernels may be used: not switched off."""
    return os.environ.get(SWITCH, "on").lower() not in ("off", "0", "no", "false")


def state() -> str:
    """What computes where there is a kernel, for the record of a run's conditions: "native" or "torch"."""
    return "native" if wanted() and all(library(name) is not None for name in SOURCES) else "torch"


@functools.cache
def library(name: str) -> ctypes.CDLL | None:
    """The compiled form of `kernels/NAME.c`; None, said once on stderr, where it cannot be made."""
    try:
        return ctypes.CDLL(str(_made(Path(__file__).with_name(f"{name}.c"))))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        if not _SAID:
            _SAID.append(" ".join(str(error).split()))
            print(f"alexnet: computes without its own kernels, which is slower: {_SAID[0]}", file=sys.stderr)
        return None


def compiler() -> list[str]:
    """The words that call the C compiler: $CC, else what the machine has. ValueError where it has none."""
    words = os.environ.get("CC", "").split() or [name for name in ("cc", "gcc", "clang") if shutil.which(name)][:1]
    if not words:
        raise ValueError("there is no C compiler")
    return words


def _made(source: Path) -> Path:
    """The library of a source: from the cache, or compiled now."""
    words = [*compiler(), *FLAGS]
    code = source.read_bytes() + b"".join(one.read_bytes() for one in sorted(source.parent.glob("*.h")))
    parts = (code, " ".join(words).encode(), _processor().encode(), platform.platform().encode())
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()[:20]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "alexnet" / "kernels"
    made = folder / f"{source.stem}-{digest}.so"
    if not made.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Written aside and renamed: another process may be compiling the same.
        with tempfile.TemporaryDirectory(dir=folder) as aside:
            new = Path(aside) / made.name
            command = [*words, "-o", str(new), str(source), "-lm"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
            if done.returncode:
                raise ValueError(f"{words[0]} does not compile {source.name} ({' '.join(done.stderr.split())[:160]})")
            os.replace(new, made)
    return made


def _processor() -> str:
    """What `-march=native` depends on: a cache may lie on a disk that several machines share."""
    try:
        with open("/proc/cpuinfo") as lines:
            return "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
    except OSError:
        return platform.processor()
