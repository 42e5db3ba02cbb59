"""Certificates as a third party needs them: read and derived again, with nothing of the analysis that wrote them."""
