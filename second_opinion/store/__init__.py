"""The feedback database, as verbs."""

from second_opinion.store.store import Store, local_path

__all__ = ["Store", "local_path"]
