"""What is the network? Layers, the network a table describes, its first weights, its sizes, and weights on disk."""
