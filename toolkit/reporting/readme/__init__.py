"""Tables and plots of README files, from records. See blocks.update."""
