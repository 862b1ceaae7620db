"""What a message says of a name or value that is not known: quoted short, with what may have been meant."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

QUOTED = 80  # characters of what was given
LISTED = 200  # characters of the names that are known; of more the five nearest are listed

ELSEWHERE = {  # what a key is called elsewhere
    "steps": "iter iters iterations n_iter",
    "epochs": "epoch n_epochs num_epochs",
    "lr": "learning_rate learningrate rate",
    "critic_lr": "lr_d d_lr lr_critic discriminator_lr critic_learning_rate",
    "generator_lr": "lr_g g_lr lr_gen gen_lr generator_learning_rate",
    "batch": "batch_size batchsize bs minibatch",
    "n_critic": "d_steps n_dis n_disc critic_iters critic_steps d_iters",
    "optimizer": "optim",
    "beta1": "betas beta momentum b1",
    "schedule": "scheduler lr_schedule",
    "gp_weight": "lambda lambda_gp gp_lambda gradient_penalty",
    "latent": "z_dim latent_dim nz noise_dim",
    "critic": "discriminator disc netd",
    "width": "hidden hidden_dim ngf ndf",
    "depth": "layers n_layers",
    "sd": "std sigma",
    "objective": "loss",
    "objectives": "losses",
    "architecture": "model network",
    "samples": "n_samples num_samples",
}

EXAMPLES = {  # of keys whose values are often written in another shape
    "tricks": "tricks: {replay: {}}",
    "penalty": "penalty: r1, or r1r2 for two; without one the key is left out",
}


def example(key: object) -> str:
    """Return " Write tricks: {replay: {}}." for a key that EXAMPLES has; "" of any other."""
    return f" Write {EXAMPLES[key]}." if isinstance(key, str) and key in EXAMPLES else ""


def quoted(value: Any) -> str:
    """Return `value` as a sentence quotes it: short, in one line, without control characters."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    end = text[-1]  # the quote or bracket that ends it
    return text if len(text) <= QUOTED else f"{text[: QUOTED - 4]}...{end}"


def shortened(text: str, length: int) -> str:
    """Return text of at most so many characters, of which three dots stand for what is left out."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known name that is the same but for its case, means the same, or is near; ""
    where there is none.
    """
    names = {_plain(each): each for each in sorted(known, reverse=True)}
    word = _plain(name[:QUOTED])
    synonyms = (_plain(key) for key, words in ELSEWHERE.items() if word in map(_plain, words.split()))
    close = [key for key in (word, *synonyms) if key in names] or get_close_matches(word, names, 1, 0.6)
    return f" Did you mean {names[close[0]]!r}?" if close else ""


def _plain(name: str) -> str:
    return name.casefold().replace("_", "-")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest known name, else the known names, of many the nearest five."""
    names = sorted(known)
    if near := nearest(name, names):
        return near
    if len(", ".join(names)) <= LISTED:
        return f" Known: {', '.join(names)}." if names else ""
    five = get_close_matches(name[:QUOTED], names, 5, 0.2) or names[:5]
    return f" Known: {', '.join(five)} and {len(names) - len(five):,} more."
