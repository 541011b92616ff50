"""What every function of the package asks of its input: shapes, finite numbers, symmetry, rank."""

import numpy as np


def vector(y, name):
    """`y` as a float array of shape (n,); ValueError if it is not one column of finite numbers."""
    return _numbers(y, name, ndim=1)


def matrix(A, name):
    """`A` as a float array of shape (n, k); ValueError if it is not a table of finite numbers."""
    return _numbers(A, name, ndim=2)


def _numbers(A, name, ndim):
    A = A.toarray() if hasattr(A, "toarray") else A
    try:
        A = np.asarray(A, dtype=float)
    except (TypeError, ValueError):
        found = np.asarray(A).dtype
        raise ValueError(f"{name} must hold numbers only; found {found} values") from None
    if A.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} dimension{'s' * (ndim > 1)}, not {A.ndim} "
                         f"(shape {A.shape})")
    if A.size == 0:
        raise ValueError(f"{name} is empty (shape {A.shape}); give at least one number")
    bad = ~np.isfinite(A)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"{name} has {bad.sum()} value(s) that are NaN or infinite, the first at "
                         f"{where}; remove or correct them")
    return A


def same_rows(**arrays):
    """ValueError unless all named arrays have as many rows as the first."""
    (first, a), *others = arrays.items()
    for name, b in others:
        if len(b) != len(a):
            raise ValueError(f"{name} has {len(b)} rows but {first} has {len(a)}; they must match")


def covariance(A, name, size, semi=False):
    """`A` as a symmetric positive definite matrix of shape (size, size).

    With `semi` a variance may be zero (positive semidefinite). ValueError names what is wrong.
    """
    A = matrix(A, name)
    if A.shape != (size, size):
        raise ValueError(f"{name} has shape {A.shape}; it must be {size} x {size}")
    if not np.allclose(A, A.T, rtol=1e-10, atol=1e-12 * np.abs(A).max()):
        i, j = (int(k) for k in np.unravel_index(np.abs(A - A.T).argmax(), A.shape))
        raise ValueError(f"{name} is not symmetric: {name}[{i}, {j}] = {A[i, j]:g} but {name}[{j}, "
                         f"{i}] = {A[j, i]:g}")
    smallest, largest = np.linalg.eigvalsh(A)[[0, -1]]
    edge = size * np.finfo(float).eps * max(largest, 0.0)
    if (smallest < -edge) if semi else (smallest <= edge):
        wanted = "positive semidefinite" if semi else "positive definite"
        raise ValueError(f"{name} is not {wanted}: its smallest eigenvalue is {smallest:.4g}; "
                         "variances must be positive and correlations inside (-1, 1)")
    return A


def full_rank(X, name="X", columns=None, remedy="drop a term or use reference coding"):
    """ValueError unless the columns of X are linearly independent;
    it names those that the others give."""
    columns = list(getattr(X, "columns", range(np.shape(X)[1])) if columns is None else columns)
    X = matrix(X, name)
    if X.shape[0] < X.shape[1]:
        raise ValueError(f"{name} has more columns ({X.shape[1]}) than rows ({X.shape[0]}); drop "
                         "some terms")
    norms = np.linalg.norm(X, axis=0)
    scaled = X / np.where(norms > 0, norms, 1.0)
    if np.linalg.matrix_rank(scaled) == X.shape[1]:
        return X
    kept, redundant = [], []
    for j, column in enumerate(columns):
        if np.linalg.matrix_rank(scaled[:, kept + [j]]) > len(kept):
            kept.append(j)
        else:
            redundant.append(str(column))
    raise ValueError(f"{name} has {X.shape[1]} columns but only rank {len(kept)}: "
                     f"{', '.join(redundant)} can be written with the columns before; {remedy}")


def variances(s2u, s2):
    """ValueError unless s2u and s2 are finite, not negative and not both zero."""
    if not (s2u >= 0 and s2 >= 0 and 0 < s2u + s2 < np.inf):
        raise ValueError("variances must be finite, not negative and not both zero; got s2u = "
                         f"{s2u}, s2 = {s2}")
