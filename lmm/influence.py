"""The name under which users import `lmm.inference.influence`."""

import sys

from lmm.inference import influence

sys.modules[__name__] = influence
