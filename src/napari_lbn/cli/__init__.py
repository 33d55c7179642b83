"""The command line, `napari-lbn`: a module a command, in a folder for each group of them.

Uses the engine only, and loads it (and torch) when a command runs, so that help is quick.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line with the arguments of this process, and exit."""
    try:
        from .app import app

        app(prog_name="napari-lbn")
    except KeyboardInterrupt:  # while the program is loaded; commands end themselves
        sys.stderr.write("Stopped.\n")
        sys.exit(130)
