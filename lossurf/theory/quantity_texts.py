"""What a report measures beside the verdict, in plain words."""

from __future__ import annotations

from typing import Final

from lossurf.theory.explanation import Explanation
from lossurf.theory.references import (
    ARORA_2018,
    CHOROMANSKA_2015,
    COHEN_2021,
    DAUPHIN_2014,
    DU_2018,
    MULAYOFF_2020,
)
from lossurf.words import Kind

_QUANTITIES: Final = (
    Explanation(
        "morse-index",
        Kind.LEMMA,
        "How many independent ways lead down",
        "The number of negative eigenvalues of the Hessian at a critical point, over the checkpoint's own weights and "
        "biases. It follows from ranks of products of the layers alone, so it is a whole number without rounding: 0 at "
        "minima and bad saddles, above 0 exactly at strict saddles.",
        "A saddle of high index is left in many directions at once. In random landscapes the index falls with the "
        "loss; `lossurf plot levels` draws the least and the largest of every level of your data, and says whether the "
        "largest is proved or the largest found.",
        "`lossurf classify` reports it as directions down, flat and up; `--certificate c.npz --descents` writes that "
        "many directions, which `lossurf verify` checks.",
        f"lossurf's own closed form; the picture after {DAUPHIN_2014}, and {CHOROMANSKA_2015}",
    ),
    Explanation(
        "balance",
        Kind.LEMMA,
        "What gradient flow keeps between two layers",
        "The Frobenius norm of W_{k+1}^T W_{k+1} - W_k W_k^T - b_k b_k^T at each hidden layer k. Gradient flow leaves "
        "the matrix as it was at the start, whatever the data.",
        "What it has drifted by in a run is the work of finite steps, momentum, weight decay or noise. Unbalanced "
        "layers make a minimum sharper, and the stable step shorter.",
        "`lossurf watch` shows the drift since the first checkpoint. Smaller steps make it smaller; weight decay "
        "balances the layers.",
        f"{DU_2018}; {ARORA_2018}",
    ),
    Explanation(
        "edge-of-stability",
        Kind.LEMMA,
        "The curvature above which a step of gradient descent overshoots",
        "Gradient descent of step s is stable along a direction only while the Hessian's largest eigenvalue, of the "
        "loss that is stepped on, is below 2 / s.",
        "Training with a constant step often sharpens until the largest eigenvalue hovers at 2 / s: the loss then "
        "falls in jumps. A checkpoint far below it could have taken longer steps.",
        "`lossurf watch --curvature --step S` puts the largest eigenvalue beside the edge; say with --reduction what "
        "the optimizer's loss sums.",
        COHEN_2021,
    ),
    Explanation(
        "flattest-minimum",
        Kind.LEMMA,
        "The least that the largest eigenvalue can be at a global minimum",
        "Where the widths let least squares be reached, no global minimum of N layers has a largest eigenvalue below "
        "N (||F v|| s^(N - 1))^(2 / N), for every singular value s of T with its right vector v. On white inputs "
        "balanced layers reach it.",
        "It tells how much of a minimum's sharpness is the data's, and how much is made by layers out of balance.",
        "Start from balanced layers, or add a little weight decay, to end at a flatter minimum.",
        f"{MULAYOFF_2020}; for inputs that are not white lossurf's own bound",
    ),
)

QUANTITIES: Final[dict[str, Explanation]] = {each.id: each for each in _QUANTITIES}
