"""What makes the repository's records and contracts; outside the wheel."""
