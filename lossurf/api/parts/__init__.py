"""What several questions share: the nouns they are about, widths of networks, and checkpoints that were refused."""
