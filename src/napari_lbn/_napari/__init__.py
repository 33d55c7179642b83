"""The only place where engine results become napari layer data. Knows layers, no widgets."""
