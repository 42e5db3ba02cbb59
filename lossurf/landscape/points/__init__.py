"""Critical points that are built, left and listed."""
