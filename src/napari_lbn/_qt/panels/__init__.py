"""The dock's panels, one class a file."""
