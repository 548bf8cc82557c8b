"""How is alexnet started as a module? `python -m alexnet ...`, which is what torchrun starts."""

from __future__ import annotations

from alexnet.cli.main import script

if __name__ == "__main__":
    script()
