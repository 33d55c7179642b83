"""SerialEM's ``.mdoc`` files."""
