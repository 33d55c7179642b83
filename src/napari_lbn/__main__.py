"""`python -m napari_lbn` is the command `napari-lbn`."""

from napari_lbn.cli import main

if __name__ == "__main__":
    main()
