"""`napari-lbn evaluate`."""
