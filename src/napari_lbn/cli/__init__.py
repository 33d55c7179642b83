"""The command line: `napari-lbn info | correct | reconstruct | synthesize`.

Uses the engine only, and loads it (and torch) when a command runs, so that help is quick.
"""

__all__ = ["main"]


def main() -> None:
    """Run the command line with the arguments of this process, and exit."""
    from .app import app

    app(prog_name="napari-lbn")
