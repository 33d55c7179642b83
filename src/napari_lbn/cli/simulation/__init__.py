"""`napari-lbn simulate` and `simulate-set`."""
