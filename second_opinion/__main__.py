"""``python -m second_opinion``."""

import sys

from second_opinion.cli import main

sys.exit(main())
