"""`python -m venturalitica.cli`: the command line where the console script is not on the path."""

import sys

from venturalitica.cli import main

sys.exit(main())
