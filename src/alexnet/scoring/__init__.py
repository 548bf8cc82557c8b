"""How good are predictions? Views of a picture, probabilities from a network, scores with intervals, tables on disk."""
