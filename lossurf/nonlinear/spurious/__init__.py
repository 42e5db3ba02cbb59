"""Bad local minima of networks with one hidden layer of a ReLU-like activation."""
