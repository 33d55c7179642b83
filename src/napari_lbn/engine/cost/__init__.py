"""What a job costs in time and memory, and the pieces in which it fits."""
