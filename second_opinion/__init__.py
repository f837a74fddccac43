"""Second Opinion: experts validate a tabular model before it goes to production."""

from second_opinion.errors import UserError
from second_opinion.registry import Registry

__all__ = ["Registry", "UserError"]
