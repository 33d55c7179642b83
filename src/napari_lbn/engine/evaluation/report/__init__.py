"""An evaluation as files: JSON, CSV, figures and one HTML page."""
