"""Losses that are the squared loss of other data, and one that is not, in plain words."""

from __future__ import annotations

from typing import Final

from lossurf.theory.explanation import Explanation
from lossurf.theory.references import FRIEDLAND_TOROKHTI_2007, HU_2022, SREBRO_JAAKKOLA_2003
from lossurf.words import Kind

_OWN: Final = "a change of the data that leaves the loss as it is; the theory is that of the changed data"

_ADJUSTMENTS: Final = (
    Explanation(
        "weighted-loss",
        Kind.SUBJECT,
        "Weights of samples and of outputs",
        "1/2 sum_ij w_i v_j (P x_i - y_i)_j^2 is the plain loss of the rows sqrt(w_i) x_i and sqrt(w_i) y_i with the "
        "columns of Y times sqrt(v_j), for the network whose last layer is diag(sqrt v) W_N. With an output bias X and "
        "Y are centred by their weighted means. A common factor of all weights changes no verdict.",
        "A checkpoint trained on weighted samples is not at a critical point of the unweighted loss.",
        "Give --sample-weights a column or a file, --output-weights one number for each output. A mean over the "
        "samples, in mse and in --reduction mean, is over all m of them, and the weights are not brought to mean 1.",
        _OWN,
    ),
    Explanation(
        "frozen-base",
        Kind.SUBJECT,
        "A network that is trained beside a frozen part",
        "Where the output is W_0 x + b_0 + W_N ... W_1 x and only the W_k are trained, the loss is the plain one on "
        "Y - W_0 X - b_0. A LoRA adapter is such a network with one hidden layer, a linear skip connection one with "
        "W_0 = I.",
        "Judged without its base an adapter is at a point of another loss, and is called not-critical.",
        "Give --base the file of the frozen weight, or of its predictions, and --residual where the input itself is "
        "added. Every loss and level that is reported is then that of the whole network.",
        f"{HU_2022}; {_OWN}",
    ),
    Explanation(
        "frozen-layers",
        Kind.SUBJECT,
        "A network of which only some layers are trained",
        "Frozen first layers F change the data to F X. Of frozen last ones A = U S V^T the loss sees U^T Y and the "
        "trained layer below as S V^T W; the rest of Y adds a constant. A frozen block M = U S V^T in between leaves "
        "U S^(1/2) to the layer above and S^(1/2) V^T to the one below. Each trained layer is so seen through a linear "
        "surjection: the gradient vanishes in one if in the other, the ways down and up are as many, and every further "
        "trained parameter is flat.",
        "A checkpoint trained with frozen layers is at a critical point of the loss over the others alone. Judged with "
        "all layers free it is called not-critical, and its L* is one that it cannot reach.",
        "Give `classify --frozen` the names of the layers, whose biases are frozen with them. L*, ranks and the "
        "inertia are then over the others; the tolerance is relative to them as they are seen, by default their "
        "precision's times the most that a frozen layer makes of a relative change. `verify` derives a certificate's "
        "claim again from the frozen layers' products, and `escape --frozen` moves the others alone.",
        f"{FRIEDLAND_TOROKHTI_2007}, between frozen first and last layers; elsewhere {_OWN}, checked against dense "
        "Hessians over the trained layers",
    ),
    Explanation(
        "product-ridge",
        Kind.SUBJECT,
        "A ridge on the product of the layers",
        "1/2 ridge ||W_N ... W_1||^2 beside the loss is what dx more samples sqrt(ridge) e_j with Y = 0 add to it. "
        "They do not count as samples, and have no part in the means of a network with an output bias.",
        "It makes X X^T invertible. It is not weight decay, which is on every layer apart: see weight-decay.",
        "Give --ridge the alpha of scikit-learn's Ridge. The column that --intercept adds is left out of it.",
        _OWN,
    ),
    Explanation(
        "missing-entries",
        Kind.SUBJECT,
        "Why entries of Y cannot be missing",
        "With entries of Y missing, every output sees samples of its own, and the loss is no distance of two matrices: "
        "local minima need not be global. In a 2-1-2 network let output i be seen in three samples of input e_i, with "
        "target 1, and in one of e_j, with target 11/25. At W_1 = (4/5, -4/5), W_2 = (4/5, -4/5)^T the loss is 1.5552, "
        "the Hessian has no negative eigenvalue and one zero, along which the two layers are rescaled: a local "
        "minimum. With all signs + and 4/5 for 9/10 the loss is below 0.3.",
        "No type test for such points is known to lossurf, and one for whole matrices would call that minimum global.",
        "Fill the entries in, or remove the samples; weights of whole samples or whole outputs are exact.",
        SREBRO_JAAKKOLA_2003,
    ),
)

ADJUSTMENTS: Final[dict[str, Explanation]] = {each.id: each for each in _ADJUSTMENTS}
