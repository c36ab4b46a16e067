"""Chapter 3: one channel, taken out of three layers that hang together."""

from torch import nn


def cut(first, norm, second, channel):
    """Take one channel out of three layers that hang together."""
    keep = [i for i in range(first.out_channels) if i != channel]
    first.weight, first.bias = nn.Parameter(first.weight[keep]), nn.Parameter(first.bias[keep])
    norm.weight, norm.bias = nn.Parameter(norm.weight[keep]), nn.Parameter(norm.bias[keep])
    norm.running_mean, norm.running_var = norm.running_mean[keep], norm.running_var[keep]
    second.weight = nn.Parameter(second.weight[:, keep])
    first.out_channels = norm.num_features = second.in_channels = len(keep)
