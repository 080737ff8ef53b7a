"""`python -m tools` is `onhand`: for processes that start one another."""

from __future__ import annotations

from tools.cli import main

if __name__ == "__main__":
    main()
