"""``python -m colorzoo`` is the command ``colorzoo``."""

import sys

from colorzoo.cli import main

sys.exit(main())
