"""Memory is held while a file is scored, and given back afterwards."""

import resource
import sys

import numpy as np
import pytest

from second_opinion.batches import heap


def page_faults(pieces=20):
    """How often the system had to find a page for arrays that are made anew each time."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(pieces):
        held = [np.ones(30_000) for _ in range(30)]
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")
def test_memory_is_used_again_instead_of_asked_for_again():
    with heap.kept():
        page_faults(2)
        within = page_faults()
    assert within * 4 < page_faults()


@pytest.mark.skipif(sys.platform == "linux", reason="elsewhere there is nothing to set")
def test_elsewhere_nothing_happens():
    with heap.kept():
        pass
