"""The commands of ``python -m second_opinion``."""
