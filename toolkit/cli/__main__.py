"""`python -m toolkit.cli`, where no `sdhrnet` is installed, or torchrun starts it."""

import sys

from toolkit.cli import main

sys.exit(main())
