"""What a training learns from: crops of tilt series, of which some tilts are hidden."""
