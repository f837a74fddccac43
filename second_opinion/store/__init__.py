"""The feedback database, as verbs."""

from second_opinion.store.sqlite import Store

__all__ = ["Store"]
