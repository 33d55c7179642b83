"""From a specimen to measured tilts: line integrals, contrast, noise and blank borders."""
