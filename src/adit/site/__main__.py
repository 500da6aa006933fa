"""`python -m adit.site …` is the command line, for child processes."""

import sys

from adit.site.cli import main

sys.exit(main())
