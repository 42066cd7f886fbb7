"""Begins npy files whose rows are written as they come, so that they need not fit in memory."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from numpy.typing import DTypeLike


def begin(file: BinaryIO, dtype: DTypeLike, shape: tuple[int, ...]) -> None:
    """Write the header of an array of this shape; its values are to follow."""
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
        "fortran_order": False,
        "shape": shape,
    }
    np.lib.format.write_array_header_1_0(file, header)
