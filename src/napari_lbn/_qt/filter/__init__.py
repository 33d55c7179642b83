"""The learned filter in napari: learn it, see it, apply it."""
