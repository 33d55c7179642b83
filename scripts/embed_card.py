#!/usr/bin/env python3
"""Put docs/model_card.md into the bundled weights. Tensors stay as they are.

Usage: python scripts/embed_card.py, in an environment with this package
"""

from __future__ import annotations

from environment import ROOT, say

from napari_lbn.engine.io.weights.card import embed_card


def main() -> None:
    """Write the card into every file."""
    card = (ROOT / "docs" / "model_card.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "src" / "napari_lbn" / "weights").glob("*.safetensors")):
        embed_card(path, card)
        say(f"{path.name} carries docs/model_card.md")


if __name__ == "__main__":
    main()
