"""Many series, one after the other or at once: tasks, where they run, and what came of them."""
