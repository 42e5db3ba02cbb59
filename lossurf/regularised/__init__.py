"""The loss with weight decay on every layer: kinds of critical point, certified gaps, and the least loss."""
