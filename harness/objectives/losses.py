"""What the two players minimise, as functions of the critic's scores.

Every loss takes real_scores [..., n], fake_scores [..., n] and hyper, and returns [...]: it reduces over the last axis
alone, so that the same function serves one run and a stack of runs.
"""

from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import softplus

Hyper = Mapping[str, Tensor]


def logistic_critic(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """Cross-entropy of a discriminator with logit scores (Goodfellow et al. 2014, eq. 1)."""
    return softplus(-real_scores).mean(-1) + softplus(fake_scores).mean(-1)


def minimax_generator(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """The generator's half of the minimax game, log(1 - D(y)): saturates where D is sure (Goodfellow et al. 2014)."""
    return -softplus(fake_scores).mean(-1)


def nonsaturating_generator(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """Maximise log D(y) instead (Goodfellow et al. 2014, section 3)."""
    return softplus(-fake_scores).mean(-1)


def wasserstein_critic(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """Negative of the estimated distance (Arjovsky et al. 2017, eq. 3)."""
    return fake_scores.mean(-1) - real_scores.mean(-1)


def wasserstein_generator(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """Raise the critic's score of the generated samples (Arjovsky et al. 2017, theorem 3)."""
    return -fake_scores.mean(-1)
