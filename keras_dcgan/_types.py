"""Types in the annotations of several modules."""

from typing import Any, Protocol

import numpy as np


class Array(Protocol):
    """A NumPy array, or a tensor of any backend; not a list."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> Any: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Any: ...

    def __array__(self) -> np.ndarray: ...
