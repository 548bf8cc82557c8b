"""How do results look? Figures from plain arrays, and a page that holds them; this room knows no network."""
