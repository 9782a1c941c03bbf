"""Child processes that die where a test wants them to."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable

DIED = 9


def in_child(work: Callable[[], object]) -> int:
    """Run something in a forked process; returns its process id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001 -- the child ends here, whatever it was
        traceback.print_exc()
    finally:
        os._exit(code)


def exit_code(child: int) -> int:
    """Wait for a child; negative is the signal it died of."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
