"""What is computed once for a fit and kept on it."""

from functools import wraps


def kept(compute):
    """`compute(fit)`, called at the first time only; a fit takes its results along, and they go with it."""
    name = "_" + compute.__module__.rpartition(".")[2]

    @wraps(compute)
    def once(fit):
        if not hasattr(fit, name):
            setattr(fit, name, compute(fit))
        return getattr(fit, name)
    return once
