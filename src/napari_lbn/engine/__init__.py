"""The engine: tilt series in, synthesized tilts and tomograms out. Knows neither napari nor Qt."""
