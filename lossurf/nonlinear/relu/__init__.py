"""ReLU networks against the assumptions of Corollary 3.2 of Kawaguchi 2016."""
