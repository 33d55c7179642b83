"""MRC files: headers read permissively, images memory-mapped, volumes written in slabs."""
