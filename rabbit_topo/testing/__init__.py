"""Route tests: which there are, which of them to run, on a broker too, and as items of pytest."""
