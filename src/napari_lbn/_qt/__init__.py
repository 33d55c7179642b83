"""Widgets: session state, job runner, panels and the dock. Small classes, one a file."""
