"""The commands: a frozen config each, and `run(config)`, which yields progress and an outcome."""
