"""What stays as long as the process is left out of garbage collection: modules and models."""

from __future__ import annotations

import gc
import sys
import threading

from second_opinion.models.formats import loading

# A handful of late imports is not worth the walk over all of them.
FEW = 50

_collecting = threading.Lock()
_left_out = {"modules": 0, "loaded": 0}


def leave_out_what_stays() -> None:
    """Leave modules and models out of each collection from now on, if new ones have come.

    All threads wait while the collector walks, and over pandas and scikit-learn it walks long.
    """
    here = {"modules": len(sys.modules), "loaded": loading.times_loaded()}
    few = here["modules"] - _left_out["modules"] < FEW
    if (few and here["loaded"] == _left_out["loaded"]) or not _collecting.acquire(blocking=False):
        return
    try:
        # Also what was left out before: some of it belonged to visits that are over by now.
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        _left_out.update(here)
    finally:
        _collecting.release()
