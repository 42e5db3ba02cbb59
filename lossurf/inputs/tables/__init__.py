"""X and Y from anywhere: which files, which columns, read in blocks of rows."""
