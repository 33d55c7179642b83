"""What is wrong with a tilt series, told before any time is spent on it."""
