"""From a bundle to the files that ship, each compared with the network it came from."""
