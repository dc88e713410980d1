"""Object ids that look like Stripe's, repeatable when a seed is given."""

import random
import string

_LETTERS = string.ascii_letters + string.digits
_LENGTHS = {"cus": 14, "prod": 14, "sub": 24, "si": 14, "cs_test": 58, "req": 14, "whsec": 32}


class Ids:
    """Makes new ids; the same seed gives the same ids in the same order."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed) if seed is not None else random.SystemRandom()

    def new(self, prefix: str) -> str:
        """A fresh id such as `pi_3Q…`."""
        return f"{prefix}_{self.text(_LENGTHS.get(prefix, 24))}"

    def text(self, length: int) -> str:
        """Random letters and digits."""
        return "".join(self._random.choices(_LETTERS, k=length))

    def shuffle(self, items: list[str]) -> None:
        """Puts the items in another order, in place."""
        self._random.shuffle(items)
