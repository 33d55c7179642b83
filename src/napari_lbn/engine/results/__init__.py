"""What a correction leaves: its files in a folder, or its tomograms in memory."""
