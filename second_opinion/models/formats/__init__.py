"""Model files: told by their content, loaded in their own way alone."""
