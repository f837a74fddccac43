"""What is stored, as frozen values: no I/O."""
