"""`napari-lbn train` and `make-weights`."""
