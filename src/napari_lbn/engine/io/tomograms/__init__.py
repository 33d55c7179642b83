"""Tomograms that are written slab after slab, and go on after a kill."""
