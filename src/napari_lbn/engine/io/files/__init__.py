"""Plain files: written whole or not at all, one program at a time; text that is read with care."""
