"""Files that are written: whole or not at all, beside what a killed run may have left, to pipes and devices too."""
