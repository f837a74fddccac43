"""``python -m second_opinion``."""

import sys

from second_opinion.cli.main import main

# Processes that score import this module again.
if __name__ == "__main__":
    sys.exit(main())
