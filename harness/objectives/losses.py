"""What the two players minimise, as functions of the critic's scores.

Every loss takes real_scores [..., n], fake_scores [..., n] and hyper, and returns [...]: it reduces over the last axis
alone, so that the same function serves one run and a stack of runs. Nothing in this package imports torch before a
function needs it: a report reads the facts of an objective without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Hyper = Mapping[str, "Tensor"]


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)), the same bits for a run alone and in a stack."""
    from torch.nn import functional as F

    from harness.lanes import lanewise

    return lanewise(F.softplus, x)


def logistic_critic(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """Cross-entropy of a discriminator with logit scores (Goodfellow et al. 2014, eq. 1)."""
    return softplus(-real_scores).mean(-1) + softplus(fake_scores).mean(-1)


def smoothed_logistic_critic(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """The same with a target of 1 - smoothing for real samples alone (Salimans et al. 2016, section 3.4).

    The cross-entropy of a score D with that target is s(-D) + smoothing D, for s(D) = s(-D) + D.
    """
    smoothed = softplus(-real_scores) + hyper["smoothing"][..., None] * real_scores
    return smoothed.mean(-1) + softplus(fake_scores).mean(-1)


def minimax_generator(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """The generator's half of the minimax game, log(1 - D(y)): saturates where D is sure (Goodfellow et al. 2014)."""
    return -softplus(fake_scores).mean(-1)


def nonsaturating_generator(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """Maximise log D(y) instead (Goodfellow et al. 2014, section 3)."""
    return softplus(-fake_scores).mean(-1)


def log_probability(x: Tensor) -> Tensor:
    """log(sigmoid(x)) in two steps: -inf in 32 bits where x is below about -89, as exp(-x) overflows there."""
    from torch import log, sigmoid

    from harness.lanes import lanewise

    return lanewise(lambda scores: log(sigmoid(scores)), x)


def log_complement(x: Tensor) -> Tensor:
    """log(1 - sigmoid(x)) in two steps: -inf in 32 bits where x is above about 16.6, as sigmoid(x) is rounded to 1."""
    from torch import log, sigmoid

    from harness.lanes import lanewise

    return lanewise(lambda scores: log(1 - sigmoid(scores)), x)


def probability_critic(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """`logistic_critic` as it is written, from probabilities (Goodfellow et al. 2014, eq. 1)."""
    return -log_probability(real_scores).mean(-1) - log_complement(fake_scores).mean(-1)


def probability_minimax_generator(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """`minimax_generator` from probabilities (Goodfellow et al. 2014, eq. 1)."""
    return log_complement(fake_scores).mean(-1)


def probability_nonsaturating_generator(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """`nonsaturating_generator` from probabilities (Goodfellow et al. 2014, section 3)."""
    return -log_probability(fake_scores).mean(-1)


def pairing_critic(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """Score the i-th real sample above the i-th generated one (Jolicoeur-Martineau 2019, RSGAN)."""
    return softplus(fake_scores - real_scores).mean(-1)


def pairing_generator(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """The same with the players' places exchanged: non-saturating (Jolicoeur-Martineau 2019, RSGAN)."""
    return softplus(real_scores - fake_scores).mean(-1)


def least_squares_critic(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """Pull real scores to 1 and fake ones to 0 (Mao et al. 2017 with a = 0, b = 1, without its two halves)."""
    return (real_scores - 1).square().mean(-1) + fake_scores.square().mean(-1)


def least_squares_generator(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """Pull fake scores to 1 (Mao et al. 2017 with c = 1, without its half)."""
    return (fake_scores - 1).square().mean(-1)


def hinge_critic(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """Hinge loss: scores beyond the margins -1 and 1 are left alone (Lim & Ye 2017; Miyato et al. 2018, eq. 16)."""
    return (1 - real_scores).relu().mean(-1) + (1 + fake_scores).relu().mean(-1)


def wasserstein_critic(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """Negative of the estimated distance (Arjovsky et al. 2017, eq. 3)."""
    return fake_scores.mean(-1) - real_scores.mean(-1)


def wasserstein_generator(real_scores: Tensor, fake_scores: Tensor, hyper: Hyper) -> Tensor:
    """Raise the critic's score of the generated samples (Arjovsky et al. 2017, theorem 3)."""
    return -fake_scores.mean(-1)
