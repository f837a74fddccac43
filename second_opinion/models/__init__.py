"""Models as files, as facts, and as something that answers."""
