"""Every hypothesis in plain words: what it says, why it matters, what to do when it fails."""

from __future__ import annotations

from typing import Final

from lossurf.theory.explanation import Explanation
from lossurf.theory.references import (
    ARORA_2019,
    BAH_2021,
    BALDI_HORNIK_1989,
    CHOROMANSKA_2015,
    KAWAGUCHI_2016,
    LAURENT_VON_BRECHT_2018,
    LU_KAWAGUCHI_2017,
    TRAGER_2020,
    YUN_2018,
    YUN_2019,
    ZHU_2018,
)
from lossurf.words import Kind

_DATA: Final = (
    Explanation(
        "xxt-full-rank",
        Kind.HYPOTHESIS,
        "X X^T has full rank",
        "The dx inputs are linearly independent over the samples: rank(X) = dx.",
        "Otherwise W_1 has directions that no sample sees: the loss is flat along them and least squares has many "
        "solutions. Most published theorems assume it away.",
        "Drop constant, copied or redundant inputs, or collect more samples than inputs.",
        f"{KAWAGUCHI_2016}, Theorem 2.3",
    ),
    Explanation(
        "xyt-full-rank",
        Kind.HYPOTHESIS,
        "X Y^T has full rank",
        "rank(X Y^T) = min(dx, dy): with dy <= dx, every combination of outputs is linearly related to the inputs.",
        "Otherwise Sigma has a zero eigenvalue: some combination of outputs cannot be predicted at all, and raising "
        "the rank of the network past rank(X Y^T) gains nothing.",
        "Drop or recombine the outputs that the inputs do not predict, or add inputs that do.",
        f"{KAWAGUCHI_2016}, Theorem 2.3",
    ),
    Explanation(
        "dy-le-dx",
        Kind.HYPOTHESIS,
        "dy <= dx",
        "There are no more outputs than inputs.",
        "With dy > dx, Sigma has dy - dx zero eigenvalues whatever the data, which the theorem excludes.",
        "Add inputs, or study fewer outputs at a time.",
        f"{KAWAGUCHI_2016}, Theorem 2.3",
    ),
    Explanation(
        "distinct-eigenvalues",
        Kind.HYPOTHESIS,
        "Sigma has dy distinct eigenvalues",
        "No two of the dy eigenvalues of Sigma = Y X^T (X X^T)^+ X Y^T are equal.",
        "Equal eigenvalues can be traded for one another without changing the loss, so critical points of one level "
        "form a continuum and the best rank-k fit is not unique.",
        "Rescale one of the tied outputs, or remove a duplicated one; noise in real data separates eigenvalues, and "
        "`undecided` means the gap is within rounding.",
        f"{KAWAGUCHI_2016}, Theorem 2.3; {BALDI_HORNIK_1989}",
    ),
    Explanation(
        "distinct-singular-values",
        Kind.HYPOTHESIS,
        "Y X^T (X X^T)^-1 X has distinct singular values",
        "No two singular values of the least-squares prediction are equal. With dy > dx + 1 zero is one of them twice "
        "or more, and the paper, which allows dy > dx, does not say whether that counts: then it is undecided.",
        "Equal singular values leave the best fit of a rank, and the subspace it spans, without a unique answer.",
        "Read `lu-kawaguchi` or `zhang`, which ask nothing of the singular values.",
        f"{YUN_2018}, section 2.1",
    ),
    Explanation(
        "whitened-data",
        Kind.HYPOTHESIS,
        "The inputs are whitened",
        "X X^T / m is the identity: the inputs are uncorrelated and have mean square 1. Measured data meet it up to "
        "rounding at most, so it fails or is undecided.",
        "The published rate is that of a factorisation of one matrix, with no condition number of X in it.",
        "Whiten the inputs, or use it as a picture of what happens in whitened coordinates.",
        f"{ARORA_2019}, section 2",
    ),
    Explanation(
        "y-full-rank",
        Kind.HYPOTHESIS,
        "Y has full row rank",
        "The dy outputs are linearly independent over the samples: rank(Y) = dy.",
        "It is what Lu and Kawaguchi need in place of the conditions on X Y^T and on the eigenvalues.",
        "Drop constant zero, copied or linearly dependent outputs, or collect more samples than outputs.",
        LU_KAWAGUCHI_2017,
    ),
    Explanation(
        "enough-samples",
        Kind.HYPOTHESIS,
        "dx <= m and dy <= m",
        "There are at least as many samples as inputs, and as outputs.",
        "With fewer samples than inputs X X^T cannot be invertible.",
        "Collect more samples, or use fewer inputs or outputs.",
        YUN_2018,
    ),
    Explanation(
        "distinct-samples",
        Kind.HYPOTHESIS,
        "The samples x_i are distinct",
        "No two samples have the same input vector.",
        "The construction of a spurious minimum moves one sample's prediction without moving the others.",
        "Run `lossurf spurious`, whose own rule groups equal samples and needs no such condition.",
        f"{YUN_2019}, Theorem 1, condition C1.2",
    ),
    Explanation(
        "not-linearly-fittable",
        Kind.HYPOTHESIS,
        "No affine model fits Y exactly",
        "The least-squares residual of Y on [X; 1] is not zero.",
        "Where an affine model fits exactly, the point built from it is already a global minimum.",
        "Nothing is wrong: a linear model suffices for such data.",
        f"{YUN_2019}, Theorem 1, condition C1.1",
    ),
    Explanation(
        "counterexample-data",
        Kind.HYPOTHESIS,
        "The dataset is the theorem's own",
        "X = [[1, 0, 1/2], [0, 1, 1/2]], Y = [0, 0, 1]: three samples, two inputs, one output.",
        "The theorem builds one dataset for each activation; it says nothing about any other data.",
        "Run `lossurf spurious --counterexample ACTIVATION` to see it, and `lossurf spurious` for your own data.",
        f"{YUN_2019}, Theorem 2",
    ),
)

_NETWORK: Final = (
    Explanation(
        "hidden-layer",
        Kind.HYPOTHESIS,
        "At least one hidden layer",
        "H >= 1: the network is a product of at least two matrices.",
        "Without a hidden layer the loss is convex and every critical point is a global minimum.",
        "Nothing is wrong: the problem is easier than the theorem's.",
        f"{KAWAGUCHI_2016}, Theorem 2.3",
    ),
    Explanation(
        "one-hidden-layer",
        Kind.HYPOTHESIS,
        "Exactly one hidden layer",
        "H = 1: the network is W_2 W_1.",
        "Networks of two matrices have no bad saddle: at every saddle some direction curves downwards.",
        "Use one hidden layer if bad saddles are a concern; depth adds no expressive power to a linear network.",
        f"{KAWAGUCHI_2016}, Corollary 2.4; {BALDI_HORNIK_1989}",
    ),
    Explanation(
        "two-hidden-layers",
        Kind.HYPOTHESIS,
        "At least two hidden layers",
        "H >= 2: the network is a product of three matrices or more.",
        "From three matrices on there are bad saddles, where the Hessian sees no way down.",
        "Expect plateaus; do not start from zero weights.",
        f"{KAWAGUCHI_2016}, Corollary 2.4",
    ),
    Explanation(
        "dy-equals-dx",
        Kind.HYPOTHESIS,
        "dy = dx",
        "As many outputs as inputs, as in an autoencoder.",
        "X Y^T must be square to be invertible, as the 1989 proposition assumes.",
        "Read Theorem 2.3 instead, which asks only for dy <= dx.",
        f"{BALDI_HORNIK_1989}; {KAWAGUCHI_2016}, Proposition 2.1",
    ),
    Explanation(
        "bottleneck",
        Kind.HYPOTHESIS,
        "The narrowest hidden layer is a bottleneck",
        "p < dx and p < dy: some hidden layer is narrower than both the input and the output.",
        "The network then performs reduced-rank regression: its best loss is L_p, not the least-squares loss.",
        "Nothing is wrong: without a bottleneck the theorem's companion for wide networks speaks.",
        f"{BALDI_HORNIK_1989}; {YUN_2018}, Theorem 2.2",
    ),
    Explanation(
        "no-bottleneck",
        Kind.HYPOTHESIS,
        "No hidden layer is a bottleneck",
        "Every hidden width is at least min(dx, dy).",
        "The network can then be any linear map, and the landscape is benign for every convex differentiable loss, not "
        "only the squared one.",
        "Widen the narrow hidden layers to min(dx, dy).",
        f"{LAURENT_VON_BRECHT_2018}, Theorem 1",
    ),
    Explanation(
        "inner-product-full-rank",
        Kind.HYPOTHESIS,
        "rank(W_H ... W_2) = p",
        "The product of the inner layers has the largest rank its widths allow. It is a property of each checkpoint; "
        "with one hidden layer the product is empty and the condition always holds.",
        "A saddle that meets it has negative curvature, so gradient methods with noise leave it.",
        "Initialise near orthogonal inner layers, and `classify` the checkpoint itself.",
        f"{KAWAGUCHI_2016}, Theorem 2.3 (iv)",
    ),
    Explanation(
        "balanced-start",
        Kind.HYPOTHESIS,
        "The start is nearly balanced",
        "W_{k+1}^T W_{k+1} is nearly W_k W_k^T for neighbouring layers when training starts. It is a property of a "
        "run, which neither data nor widths tell.",
        "Gradient descent keeps the balance, and balanced layers share the singular values of the product evenly.",
        "Start from a balanced factorisation of one random matrix, or from identities.",
        f"{ARORA_2019}, Definition 1",
    ),
    Explanation(
        "deficiency-margin",
        Kind.HYPOTHESIS,
        "The start is better than every rank-deficient map",
        "The product of the first weights is nearer to the target than any matrix of smaller rank is, by a margin. It "
        "is a property of a run, which neither data nor widths tell.",
        "No plateau of lower rank lies below such a start, so none can stop the run.",
        "Compare the loss at the start with the levels of `check`: it must be below that of rank min(dx, dy) - 1.",
        f"{ARORA_2019}, Definition 2",
    ),
    Explanation(
        "conditions-as-published",
        Kind.HYPOTHESIS,
        "Whatever else the paper assumes",
        "The conditions of this result beyond its abstract were not at hand when its entry was written; it counts as "
        "undecided for every data set.",
        "A theorem is claimed for your data only where each of its hypotheses was read and is decided.",
        "Read the theorem in the paper that the entry names and hold its conditions against your data.",
        f"{TRAGER_2020}; {ZHU_2018}; {BAH_2021}",
    ),
    Explanation(
        "single-output",
        Kind.HYPOTHESIS,
        "dy = 1",
        "There is one output.",
        "The published proof is written for one output.",
        "Run `lossurf spurious`, whose own rule covers any number of outputs.",
        f"{YUN_2019}, Theorem 1; {KAWAGUCHI_2016}, Proposition 3.1",
    ),
    Explanation(
        "two-hidden-units",
        Kind.HYPOTHESIS,
        "d_1 >= 2",
        "The hidden layer has at least two units.",
        "One unit carries the linear fit; a second one is needed to show that better points exist.",
        "Give `--widths` with a hidden layer of two or more.",
        f"{YUN_2019}, Theorem 1, condition C1.4",
    ),
)

_RELU: Final = (
    Explanation(
        "a1p-m",
        Kind.HYPOTHESIS,
        "A1p-m: every path is active equally often",
        "The activation variables Z of all paths are Bernoulli with one success probability rho.",
        "It lets the expected ReLU network be rho times a deep linear network.",
        "Measure it on a trained network with `lossurf relu`.",
        f"{KAWAGUCHI_2016}, section 3",
    ),
    Explanation(
        "a5u-m",
        Kind.HYPOTHESIS,
        "A5u-m: activity does not depend on the input",
        "The activation variables Z are independent of the inputs X and of the weights. The paper itself calls this "
        "assumption unrealistic: on a fixed network Z is a function of both.",
        "Without it the reduction to a linear network is only an approximation, good or bad.",
        "Measure the distance from it with `lossurf relu`.",
        f"{KAWAGUCHI_2016}, section 3",
    ),
    Explanation(
        "reduction",
        Kind.HYPOTHESIS,
        "The network behaves like rho times its own product",
        "The outputs f of the ReLU network equal rho W_N ... W_1 X up to a share eta of ||f||.",
        "It is what A1p-m and A5u-m are assumed for; it can be measured directly.",
        "Read eta in the report of `lossurf relu`: near 0 the linear theory describes the network, near 1 it does not.",
        f"{KAWAGUCHI_2016}, Corollary 3.2",
    ),
    Explanation(
        "spin-glass-assumptions",
        Kind.HYPOTHESIS,
        "The seven assumptions of the spin-glass model",
        "A1p-A4p, A5u, A6u and A7p: among others, independent Gaussian inputs on every path and weights on a sphere.",
        "They describe a random model, not a network and its data; no measurement on data can confirm them.",
        "Do not build on this result for a given network; use `lossurf relu` to see how far the linear theory carries.",
        f"{CHOROMANSKA_2015}; {KAWAGUCHI_2016}, section 3",
    ),
)

HYPOTHESES: Final = {entry.id: entry for entry in _DATA + _NETWORK + _RELU}
"""Every hypothesis by id."""
