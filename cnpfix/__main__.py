"""`python -m cnpfix` is the `cnpfix` command."""

import sys

from rewriter.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
