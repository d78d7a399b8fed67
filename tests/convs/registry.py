"""What tests of the users' own conv types share."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from sepconv.convs.own import OWN
from sepconv.cost import OWN_COSTS


@contextmanager
def forgetting() -> Iterator[None]:
    """Conv types that are loaded within are unknown afterwards, and their folders too."""
    with patch.dict(OWN), patch.dict(OWN_COSTS), patch.object(sys, "path", [*sys.path]):
        yield
