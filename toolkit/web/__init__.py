"""What gives a browser the page."""
