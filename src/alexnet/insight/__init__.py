"""What has a network learned? Pictures of it, and numbers under every picture; for any table, size and set."""
