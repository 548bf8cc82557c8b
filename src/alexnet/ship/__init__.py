"""What leaves the house: predictions for pictures nobody labelled."""
