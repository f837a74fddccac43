"""Second Opinion: experts validate a tabular model before it goes to production."""

from second_opinion.errors import UserError
from second_opinion.models.registry import Registry
from second_opinion.store import Store

__all__ = ["Registry", "Store", "UserError"]
