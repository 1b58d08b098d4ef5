"""Build the libraries: python -m analyzer.engine.compiler"""

import sys

from analyzer.engine.compiler.build import CannotLinkError, build

if __name__ == "__main__":
    try:
        sys.stdout.writelines(f"{library}\n" for library in build())
    except CannotLinkError as error:
        sys.exit(f"ka-analyze: {error}")
