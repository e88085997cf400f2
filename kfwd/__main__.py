"""`python -m kfwd` is `kfwd`."""

from __future__ import annotations

import sys

from kfwd.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
