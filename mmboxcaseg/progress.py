"""Progress of long loops, in a terminal and in a log file."""
import sys
import time
from typing import Iterable, Iterator, Optional


def track(items: Iterable, num: Optional[int] = None) -> Iterator:
    """Iterate over items and show how far the loop has come.

    A terminal shows MMEngine's progress bar with the remaining time. In a log
    file such a bar would become one endless line, so it gets one line per
    10 % instead.

    Args:
        items (Iterable): The items.
        num (int, optional): Their number. Defaults to ``len(items)``.

    Yields:
        object: The items in their order.
    """
    num = len(items) if num is None else num
    if sys.stdout.isatty() and num:
        # Imported late: without MMEngine, the package must still be importable
        # to print which packages are missing.
        from mmengine.utils import track_iter_progress
        yield from track_iter_progress((items, num), file=sys.stdout)
        return
    start = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        if 10 * done // num > 10 * (done - 1) // num:
            seconds = time.monotonic() - start
            print(
                f'{done}/{num} ({100 * done // num} %), {seconds:.0f} s',
                flush=True)
