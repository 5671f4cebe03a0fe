"""What it means when a data file cannot be read."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from headrace.failures import DataFailure, refused


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Inside, a file that is gone, damaged or not to be read is told as that, with its path.

    Raises:
        DataFailure: it is gone, or its bytes are not those that were written.
        PlaceFailure: the machine does not let it be read.
    """
    try:
        yield
    except FileNotFoundError as fault:
        raise DataFailure(f"{path}: the file is gone, and the table needs it; put it back from a copy") from fault
    except (OSError, pa.ArrowInvalid) as fault:
        if isinstance(fault, OSError) and (failure := refused(fault, path)):
            raise failure from fault
        raise DataFailure(f"{path}: the file is damaged ({fault}); put it back from a copy") from fault
