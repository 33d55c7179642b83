"""`napari-lbn correct` and `synthesize`."""
