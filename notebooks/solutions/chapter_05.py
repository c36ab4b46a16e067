"""Chapter 5: a map as a lesson."""

import torch


def divergence(target, student):
    """Equation 3: how badly the student's maps explain the target's, a scalar."""
    wanted = torch.log_softmax(target.detach().flatten(2), dim=-1)
    given = torch.log_softmax(student.flatten(2), dim=-1)
    return (wanted.exp() * (wanted - given)).sum(dim=-1).mean()
