"""The landscape drawn: planes through a point, and the course of a training run."""
