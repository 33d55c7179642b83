"""How the bundled weights are made: a recipe's stages, in a folder, each going on where it was."""

from .run import UNetScored, follow
from .settings import Recipe, named_recipes, read_recipe

__all__ = ["Recipe", "UNetScored", "follow", "named_recipes", "read_recipe"]
