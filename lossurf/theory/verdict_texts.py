"""Every verdict, kind of certificate and status in plain words."""

from __future__ import annotations

from typing import Final

from lossurf.theory.explanation import Explanation
from lossurf.theory.references import (
    ACHOUR_2024,
    BALDI_HORNIK_1989,
    HAEFFELE_VIDAL_2015,
    KAWAGUCHI_2016,
    KUNIN_2019,
    LOSHCHILOV_HUTTER_2019,
    SREBRO_2005,
    TRAGER_2020,
    YUN_2019,
)
from lossurf.words import Kind

_CRITICAL_POINTS: Final = (
    Explanation(
        "global-minimum",
        Kind.VERDICT,
        "No network of these widths fits this data better",
        "The loss equals L*, the least loss that any weights of these widths reach, to the precision of the weights.",
        "More training, another optimiser or another start cannot lower the loss.",
        "Stop training. To go below L*, widen the narrowest layer (if it is below min(dx, dy)), add inputs, or leave "
        "linear networks.",
        f"{KAWAGUCHI_2016}, Theorem 2.3",
    ),
    Explanation(
        "local-minimum",
        Kind.VERDICT,
        "With another loss than the plain squared one: nothing nearby is better, and whether anything is, is open",
        "Every direction but those that leave the network as it is (rotations of hidden units, say) raises the loss, "
        "and no lower bound shows that no network is better. With weight decay zero is such a point from three layers "
        "on. Under another convex loss it happens where a layer is narrower than min(dx, dy): the product is then a "
        "pure critical point on the matrices of its rank, and its second derivative there is positive. A tied "
        "autoencoder has such points only on data that lack an input, and they are above the optimum.",
        "Descent does not leave it. The report gives what can be gained at most, and with weight decay a lower point "
        "if a descent from the data's spectrum found one.",
        "Compare the bound with what the difference is worth. Start again away from zero, or with less weight decay at "
        "first; under another convex loss start from several points, or widen the narrowest layer to min(dx, dy), "
        "where no such point is left; `lossurf escape --weight-decay` writes the lower point where one is known, and "
        "`lossurf explain weight-decay` says why depth matters there, `lossurf explain tied-autoencoder` why inputs "
        "that never vary do.",
        f"{TRAGER_2020}; {HAEFFELE_VIDAL_2015}",
    ),
    Explanation(
        "degenerate",
        Kind.VERDICT,
        "With weight decay: flat to second order beyond the rotations of hidden units",
        "The gradient is zero and the Hessian has no negative eigenvalue, yet more zeros than rotations of hidden "
        "units explain: the second derivative does not decide between a minimum and a saddle.",
        "It happens where the data have ties, so that the signal may turn at no cost, or exactly at a weight decay "
        "where the best rank changes.",
        "Change the weight decay a little, or break the tie in the data, and ask again.",
    ),
    Explanation(
        "strict-saddle",
        Kind.VERDICT,
        "Stuck, with a way down that curvature shows",
        "The gradient is zero, the loss is above L*, and the Hessian has a negative eigenvalue.",
        "Gradient descent with a little noise leaves such a point; exact gradient descent started on it does not.",
        "Move along the certificate's direction: `lossurf escape` writes the lower checkpoint.",
        f"{KAWAGUCHI_2016}, Theorem 2.3 (iii)-(iv)",
    ),
    Explanation(
        "bad-saddle",
        Kind.VERDICT,
        "Stuck, with a way down that no second derivative shows",
        "The gradient is zero, the loss is above L*, and the Hessian has no negative eigenvalue. The product is a best "
        "fit of its rank; the way down appears only at third order or higher. Exists from two hidden layers on.",
        "Training slows to a crawl near it, and second-order methods take it for a minimum.",
        "`lossurf escape` writes a lower checkpoint from a closed-form path. Start training away from zero, or with "
        "near-orthogonal layers.",
        f"{KAWAGUCHI_2016}, Corollary 2.4; {ACHOUR_2024}",
    ),
    Explanation(
        "not-critical",
        Kind.VERDICT,
        "Still moving",
        "The gradient is not zero at the precision of the weights.",
        "No theorem about critical points speaks yet; the plateau says which level the loss is passing.",
        "Train on. If training is thought finished, lower the learning rate, or check that these are the data and the "
        "loss it was trained on: `--weight-decay` and `--loss` name others.",
    ),
    Explanation(
        "undetermined",
        Kind.VERDICT,
        "The numbers cannot tell",
        "At the precision of the weights two verdicts cannot be told apart; the report names both.",
        "Rounding of the stored weights reaches as far as the difference, which happens with ill-conditioned inputs "
        "and low-precision weights.",
        "Train or store the weights in float64, rescale or drop nearly dependent inputs, or state with --tolerance how "
        "exactly the weights are known.",
    ),
)

_RELU: Final = (
    Explanation(
        "spurious",
        Kind.VERDICT,
        "A bad local minimum exists, and here it is",
        "The written point is a local minimum of the ReLU-like network on this data, and the second point is lower.",
        "Linear networks have no such points: this is what the nonlinearity adds.",
        "Load both checkpoints and train from each to see the difference.",
        f"{YUN_2019}, Theorem 1",
    ),
    Explanation(
        "not-spurious",
        Kind.VERDICT,
        "The affine fit is already the best function of X",
        "Over every group of equal samples the residuals of least squares sum to zero, so no function of X has a lower "
        "loss.",
        "The local minimum that the construction gives is a global one.",
        "Nothing to do: a linear model suffices for this data.",
    ),
    Explanation(
        "not-applicable",
        Kind.VERDICT,
        "The affine fit is exact",
        "Least squares leaves no residual, so the constructed point has zero loss.",
        "There is nothing below zero.",
        "Use more samples than parameters if the fit was meant to be tested.",
    ),
)

_CERTIFICATES: Final = (
    Explanation(
        "gap",
        Kind.CERTIFICATE,
        "Evidence for a global minimum",
        "L - L*, held against the distance from L* to the next critical value.",
        "Critical values are separate numbers: a critical point this much closer to L* than to the next one is at L*.",
        "Compare the gap with the next level in the report of `check`.",
        ACHOUR_2024,
    ),
    Explanation(
        "wrong-eigenset",
        Kind.CERTIFICATE,
        "Evidence for a strict saddle: a better eigen-direction is left out",
        "Unit vectors a in the range of P X and b orthogonal to it with b^T Sigma b > a^T Sigma a: turning a towards b "
        "lowers the loss at second order by their difference.",
        "It needs only Sigma and two vectors to check.",
        "`lossurf verify` recomputes v^T H v from the stored direction; `lossurf escape` follows it.",
        f"{KAWAGUCHI_2016}, Lemma 4.6",
    ),
    Explanation(
        "tails",
        Kind.CERTIFICATE,
        "Evidence for a strict saddle: two layers together reach the residual",
        "Layers i > j with E_ij != 0 and rank(W_{i-1} ... W_{j+1}) above the rank of P: moving both changes the loss "
        "at second order while neither changes it at first.",
        "The product is a best fit of its rank, so no single layer shows the way.",
        "`lossurf verify` recomputes v^T H v from the stored direction; `lossurf escape` follows it.",
        f"{ACHOUR_2024}, sharpened from ranks to the products themselves",
    ),
    Explanation(
        "staircase",
        Kind.CERTIFICATE,
        "Evidence for a bad saddle",
        "For every pair of layers i > j, the factor that vanishes: E_ij, or the part of W_{i-1} ... W_{j+1} beyond the "
        "rank of P. Each comes with its size and what counts as zero.",
        "These factors are the only source of negative curvature at a best fit of its rank.",
        "Read the smallest margin: it is how far the verdict is from strict-saddle.",
        f"{ACHOUR_2024}, sharpened from ranks to the products themselves",
    ),
    Explanation(
        "gradient",
        Kind.CERTIFICATE,
        "Evidence against a critical point",
        "The layer with the largest gradient, relative to what moving every layer by the tolerance could change.",
        "A loss with a gradient is still falling.",
        "Train on, mostly in that layer.",
    ),
    Explanation(
        "dual-gap",
        Kind.CERTIFICATE,
        "Evidence for a global minimum under another convex loss, or with weight decay on at most one hidden layer",
        "Multipliers orthogonal to the rows of X give a number that no linear map's loss is below; the checkpoint's "
        "loss is that number, to eight digits of the loss at zero. With weight decay a matrix D with ||D X^T|| <= "
        "lambda gives such a number, and the exact point beside the checkpoint has it to rounding.",
        "It holds whatever the widths, and rests on no tolerance of the weights.",
        "Compare the loss with the lower bound in the report of `check --loss`.",
    ),
    Explanation(
        "convex-part",
        Kind.CERTIFICATE,
        "Evidence for a bad saddle under another convex loss",
        "For every pair of layers i > j either E_ij or the product between them is zero, so of the Hessian only its "
        "convex part J' (second derivative of the loss) J is left.",
        "Lower points lie arbitrarily near all the same: the squared loss that touches there has a saddle and "
        "lies above.",
        "Restart from another initialisation, or leave the point by hand: no single direction leads down.",
    ),
    Explanation(
        "hessian",
        Kind.CERTIFICATE,
        "Evidence from the Hessian's least eigenvalue under another convex loss, or with weight decay",
        "The sign of the least eigenvalue of the loss's own Hessian, where nothing shorter decides it: on the tangent "
        "space of the products of the network's rank, at all that the tolerance may make of them, or for small "
        "networks over the layers.",
        "A negative one makes the saddle strict, with a direction that was followed; a positive one on products of "
        "full rank makes a local minimum; none at a product of lower rank a bad saddle.",
        "Follow the direction of a strict saddle; restart from another initialisation at a bad one. The margin is how "
        "far the eigenvalue is beyond what the tolerance explains.",
        TRAGER_2020,
    ),
    Explanation(
        "spectral-bound",
        Kind.CERTIFICATE,
        "Evidence for a global minimum with weight decay at any depth",
        "With N layers the penalty of a product is at least N/2 lambda times the sum of its singular values to the "
        "power 2/N, and von Neumann's inequality bounds what it gains by the singular values of X and Y X^T. The loss "
        "is at that bound.",
        "The bound is reached on whitened data, and where zero is best; it needs no convexity.",
        "On other data compare the bound with the loss: the difference is what can be gained at most.",
    ),
    Explanation(
        "inertia",
        Kind.CERTIFICATE,
        "Evidence for a local minimum or a degenerate point with weight decay, or of a tied autoencoder",
        "The signs of the Hessian's eigenvalues at the exactly critical point beside the checkpoint: none is negative, "
        "and the zeros are counted against the rotations of hidden units.",
        "No Hessian of the whole network is formed: the count is that of a form on the products of the same rank.",
        "Read the margin: it is how much coarser the weights may be known before a sign is open.",
    ),
)

_STATUSES: Final = (
    Explanation(
        "holds",
        Kind.STATUS,
        "The measured value is clear of its threshold",
        "The quantity exceeds its rounding error by more than a factor 10, or was decided exactly.",
        "The theorems that need it may be used.",
        "Nothing to do.",
    ),
    Explanation(
        "fails",
        Kind.STATUS,
        "The measured value is zero to rounding",
        "The quantity does not exceed its rounding error, or was decided exactly.",
        "The theorems that need it say nothing about this data.",
        "`lossurf explain` with the hypothesis' id says what to change.",
    ),
    Explanation(
        "undecided",
        Kind.STATUS,
        "Too close to call, or not a property of what was given",
        "The quantity lies within a factor 10 of its rounding error, or needs something that was not given, such as "
        "widths or a trained network.",
        "A guess would be right half of the time.",
        "Read the finding's detail: it names what is missing or what limits the precision.",
    ),
)

_SUBJECTS: Final = (
    Explanation(
        "weight-decay",
        Kind.SUBJECT,
        "The loss that an optimizer with weight decay goes down",
        "weight_decay = wd adds wd W to the gradient of the loss the optimizer is given. For the mean over m samples "
        "and dy outputs that is the gradient of 1/2 ||W_N ... W_1 X - Y||^2 + 1/2 lambda sum ||W_k||^2 with lambda = "
        "wd m dy / 2; for the sum lambda = wd / 2, for half the sum lambda = wd. At every critical point all layers "
        "have the same singular values. One hidden layer: the penalty is the nuclear norm of the product, so that "
        "there is a dual bound. More: it is not convex, and zero is always a local minimum.",
        "A checkpoint trained with weight decay is at a critical point of this loss and not of the plain one, where it "
        "is called not-critical.",
        "Give --weight-decay what the optimizer was given, and --reduction what its loss makes of the squares. Biases "
        "are taken as not decayed: in PyTorch put them in a group of parameters of their own with weight_decay 0. An "
        "idle unit of size d has a gradient lambda d and stops to shrink at the last digit of its weights: a verdict "
        "speaks of the exact point beside, at the distance that is reported, up to a thousandth of a layer.",
        f"{SREBRO_2005}; {HAEFFELE_VIDAL_2015}; {KUNIN_2019}",
    ),
    Explanation(
        "tied-autoencoder",
        Kind.SUBJECT,
        "One matrix as encoder and, transposed, as decoder",
        "The loss is 1/2 ||W^T W X - X||^2 with W of k rows. W is at a critical point exactly if, up to a rotation of "
        "the hidden units, r rows are eigenvectors of X X^T, of norm 1, and the other k - r are idle: they see only "
        "directions of the inputs that X lacks. The Hessian's signs follow from the set of eigenvectors and from the "
        "singular values z of the idle rows: each carried eigenvector of smaller eigenvalue than one left out is a way "
        "down, and so is each idle unit with z < sqrt 2 for every eigenvector left out. The optimum is PCA: half the "
        "sum of the eigenvalues left out.",
        "On data of full rank every local minimum is global and every saddle strict, for any k. On data that lack an "
        "input (a pixel that is always 0) an idle unit with a weight above sqrt 2 on it is held there: a local minimum "
        "above the optimum. Whitening changes this loss, so the units of the inputs decide which eigenvectors count.",
        "Give `classify --tied` the matrix, or it and its transpose. Drop inputs that are always 0, or start from "
        "small weights. `check --autoencoder` gives the least loss of every width; `--certificate` writes the verdict "
        "for `lossurf verify`.",
        f"{BALDI_HORNIK_1989}, {KUNIN_2019}, where the matrices are free; the tied loss's critical points, signs and "
        "local minima are lossurf's, checked against dense Hessians",
    ),
    Explanation(
        "adamw",
        Kind.SUBJECT,
        "Decoupled weight decay is not the gradient of any loss",
        "AdamW, and SGD with decoupled decay, shrink the weights beside a step whose lengths depend on the history of "
        "the gradients. Where such training comes to rest wd W is balanced by the scaled gradient, entry by entry, and "
        "no function has that as its gradient.",
        "A checkpoint of AdamW is at a critical point of neither the plain loss nor the one with a penalty, unless wd "
        "is 0, and is called not-critical for a good reason.",
        "To ask what kind of point it has come to, train on for a while with SGD or Adam, whose weight_decay is a "
        "penalty, and classify that checkpoint with --weight-decay.",
        LOSHCHILOV_HUTTER_2019,
    ),
)

VERDICTS: Final = {entry.id: entry for entry in _CRITICAL_POINTS + _RELU}
"""Every verdict by id."""

CERTIFICATES: Final = {entry.id: entry for entry in _CERTIFICATES}
"""Every kind of certificate by id."""

SUBJECTS: Final = {entry.id: entry for entry in _SUBJECTS}
"""What a report does not print and a user asks about, by id."""

STATUSES: Final = {entry.id: entry for entry in _STATUSES}
"""The three values of a decision by id."""
