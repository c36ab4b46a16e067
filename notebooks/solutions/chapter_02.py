"""Chapter 2: selective fusion, and its loss."""

import torch


def fuse(terms, alpha):
    """ReLU of the sum of terms, each times its factor."""
    return torch.relu(sum(factor * term for factor, term in zip(alpha, terms, strict=True)))


def loss(predicted, truth, alpha, price):
    """Equation 2: the mean squared error, and the price times the sum of the factors' sizes."""
    return ((predicted - truth) ** 2).mean() + price * alpha.abs().sum()
