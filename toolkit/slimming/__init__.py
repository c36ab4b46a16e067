"""From a supernet to a smaller network: edges, counts and exact rewrites."""
