"""The fast engine: from a formula and a table to the optimum of the likelihood.

    text      formulas   "y ~ x + (1 + x | g)": response, fixed part, random terms
     |
    frame     frame      y, X and the random terms of the complete rows
     |                   (columns: kinds of columns; terms: levels, covariates;
     |                   rank: a fixed part without full rank)
    products  products   cross-products of [Z X y]: from here on everything is of size q, not N
     |
    blocks    blocks     H = V / sigma^2 factored level by level, block by block
     |
    criterion criterion  -2 log L, its gradient and Hessian at one T

    start     start      MINQUE(0), and what the moments cannot tell apart
     |                   (valleys: a coarse grid, where there may be several minima)
    search    search     Newton's method from there to the optimum

Errors with a structure, R = sigma^2 Lambda(phi):
    structure    "ar1(visit | patient)" and `variance`: what is asked for, and of which rows
    correlations C(phi) and its derivatives;  errors: Lambda of the rows, and its root
    components   rows that share a subject or a random effect: V is block-diagonal by them
    joint        the criterion for T and phi together, with its exact Hessian
    joint_search Newton's method for both; then the rows times the root's inverse go the way above

threads      one thread for BLAS, where matrices are small
state        what they pass on, a legend of each field; theta <-> T
coordinates  X = QR, y and covariates centred and scaled, the widest term first; there and back

Var(u_k) = sigma^2 T_k T_k'; the parameters are the elements of the lower triangles T_k.
"""
