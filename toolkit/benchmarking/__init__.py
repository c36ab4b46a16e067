"""The benchmark's parts: what is compared, on which engine, how it is timed, and where it is gated."""
