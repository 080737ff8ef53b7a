"""All faults: importing a module of faults declares them, in this order."""

from __future__ import annotations

from tests.chaos import process_faults  # isort: skip
from tests.chaos import broker_faults  # isort: skip
from tests.chaos import network_faults  # isort: skip
from tests.chaos import input_faults  # isort: skip
from tests.chaos import state_faults  # isort: skip
from tests.chaos import state_tombstones  # isort: skip
from tests.chaos.faults import FAULTS

MODULES = (process_faults, broker_faults, network_faults, input_faults, state_faults, state_tombstones)

__all__ = ["FAULTS", "MODULES"]
