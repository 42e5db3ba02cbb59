"""The lemmas of Kawaguchi 2016 on a checkpoint."""
