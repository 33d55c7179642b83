"""The Check: hold-outs on this series with these weights, plotted over the tilt angle."""
