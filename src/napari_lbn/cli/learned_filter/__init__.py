"""`napari-lbn filter`."""
