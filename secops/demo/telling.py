"""What every story needs: moments after its beginning, a terminal with its user, and paths of well-known programs."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from secops.demo.pen import Pen
from secops.demo.world import Machine, Staff

EXPLORER = r"C:\Windows\explorer.exe"
OFFICE = r"C:\Program Files\Microsoft Office\root\Office16"
POWERSHELL = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"
SYSTEM32 = r"C:\Windows\System32"


def after(start: datetime, seconds: float) -> datetime:
    """So many seconds after the beginning."""
    return start + timedelta(seconds=seconds)


def terminal(pen: Pen, dice: random.Random, zone: str) -> tuple[Machine, Staff]:
    """A terminal of a zone, and who works at it."""
    machine = dice.choice(pen.world.terminals(zone))
    return machine, pen.world.user_of(machine)


def both_terminals(pen: Pen, dice: random.Random, zone: str) -> tuple[Machine, Machine, Staff]:
    """A terminal of a zone, the one in the LGWAN zone of the same person, and the person."""
    machine, person = terminal(pen, dice, zone)
    desk = pen.world.terminal_of(person, "lgwan")
    assert desk is not None
    return machine, desk, person


def markers(*machines: Machine) -> frozenset[str]:
    """By what the alerts of a story are recognised: names and addresses of its machines."""
    return frozenset(text for machine in machines for text in (machine.name, machine.ip))
