"""The sections of the page People and records."""
