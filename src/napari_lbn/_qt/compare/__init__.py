"""The dock "Compare": tomograms side by side, in place, and in Fourier space."""
