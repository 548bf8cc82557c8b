"""From a request and pictures to trained weights."""
