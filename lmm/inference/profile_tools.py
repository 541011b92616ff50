"""What both profiles need: a value where the likelihood has fallen, and the likelihood of the
rest."""

import numpy as np
import scipy

IMPOSSIBLE = 1e10                   # what a deviance returns where V is not positive definite


def crossing(excess, at, step, rise):
    """Where the criterion has risen by `rise`, from its minimum at `at` in the direction of `step`,
    by bisection and interpolation on the root of the rise, which is nearly straight."""
    signed = lambda x: np.sqrt(max(excess(x), 0)) - np.sqrt(rise)                       # noqa: E731
    for _ in range(30):
        if signed(at + step) > 0:
            return scipy.optimize.brentq(lambda x: -np.sqrt(rise) if x == at else signed(x),
                                         at, at + step, xtol=1e-6 * abs(step), rtol=1e-15)
        step = 2 * step
    return np.sign(step) * np.inf


def profiled(deviance, start, held, n_roots):
    """excess(x): how far the deviance lies above its value at the optimum `start` when parameter
    `held` is x and the others are refitted (BFGS, from the point found last).

    The first n_roots values are elements of the L_k, the last one is a log sigma."""
    minimum = deviance(start)[0]
    free = np.delete(np.arange(len(start)), held)
    state = {"values": start, "inverse": None}

    def excess(x, halvings=10):
        values = state["values"].copy()
        # at exactly 0 the gradient in L is 0 whatever the data say: start a little away
        small = np.abs(values[:n_roots]) < 0.02 * np.exp(values[-1])
        values[:n_roots][small] = 0.02 * np.exp(values[-1])
        values[held] = x
        if halvings and deviance(values)[0] > IMPOSSIBLE / 2:       # the others must give way first
            if excess((x + state["values"][held]) / 2, halvings - 1) > IMPOSSIBLE / 2:
                return IMPOSSIBLE
            return excess(x, halvings - 1)

        def inner(others):
            values[free] = others
            value, gradient = deviance(values)
            return value, gradient[free]
        if not len(free):
            return deviance(values)[0] - minimum
        found = scipy.optimize.minimize(inner, values[free], jac=True, method="BFGS",
                                  options={"gtol": 1e-4, "hess_inv0": state["inverse"]})
        if found.fun > IMPOSSIBLE / 2:
            return IMPOSSIBLE
        values[free] = found.x
        inverse = (found.hess_inv + found.hess_inv.T) / 2
        state.update(values=values, inverse=inverse if np.linalg.eigvalsh(inverse)[0] > 0 else None)
        return found.fun - minimum
    return excess
