"""Convex losses other than the squared one, of linear networks."""
