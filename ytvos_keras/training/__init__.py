"""Training: losses put to work, stages, and the scripts that made the bundled weights."""
