"""`napari-lbn reconstruct`."""
