"""What is proved about linear networks, each theorem with its hypotheses as published."""

from __future__ import annotations

from typing import Final

from lossurf.theory.references import (
    ACHOUR_2024,
    ARORA_2019,
    BAH_2021,
    BALDI_HORNIK_1989,
    KAWAGUCHI_2016,
    LAURENT_VON_BRECHT_2018,
    LU_KAWAGUCHI_2017,
    NOUIEHED_RAZAVIYAYN_2018,
    TRAGER_2020,
    YUN_2018,
    YUN_2019,
    ZHANG_2019,
    ZHOU_LIANG_2018,
    ZHU_2018,
)
from lossurf.theory.theorems import Theorem

_SQUARED = "Deep linear networks, squared loss."
_KAWAGUCHI_DATA = ("xxt-full-rank", "xyt-full-rank", "dy-le-dx", "distinct-eigenvalues")
_NO_TRAP = "Training cannot end in a local minimum worse than the best: where it stops early, it stopped at a saddle."

LINEAR_THEOREMS: Final = (
    Theorem(
        "baldi-hornik-2.1",
        "Baldi & Hornik 1989 (Proposition 2.1 in Kawaguchi 2016)",
        "Linear networks with one hidden layer, squared loss.",
        ("one-hidden-layer", "xxt-full-rank", "xyt-full-rank", "dy-equals-dx", "distinct-eigenvalues", "bottleneck"),
        "The loss is convex in each matrix while the other is fixed, and every local minimum is a global minimum.",
        "The autoencoder case: " + _NO_TRAP[0].lower() + _NO_TRAP[1:],
        f"{BALDI_HORNIK_1989}; restated as Proposition 2.1 in {KAWAGUCHI_2016}",
    ),
    Theorem(
        "baldi-hornik-2.2",
        "Baldi & Hornik 1989, conjecture (Conjecture 2.2 in Kawaguchi 2016)",
        "Deep linear networks, squared loss; conjectured in 1989, proved by Kawaguchi in 2016.",
        ("hidden-layer", "xxt-full-rank", "xyt-full-rank", "dy-equals-dx", "distinct-eigenvalues", "bottleneck"),
        "The loss is convex in each matrix while the others are fixed, and every local minimum is a global minimum.",
        _NO_TRAP,
        f"{BALDI_HORNIK_1989}; stated as Conjecture 2.2 and proved by Theorem 2.3 in {KAWAGUCHI_2016}",
    ),
    Theorem(
        "kawaguchi-2.3",
        "Kawaguchi 2016, Theorem 2.3 (i)-(iii)",
        "Deep linear networks of any depth and widths, squared loss.",
        ("hidden-layer", *_KAWAGUCHI_DATA),
        "The loss is neither convex nor concave; every local minimum is a global minimum; every other critical point "
        "is a saddle.",
        _NO_TRAP,
        f"{KAWAGUCHI_2016}, Theorem 2.3",
    ),
    Theorem(
        "kawaguchi-2.3-iv",
        "Kawaguchi 2016, Theorem 2.3 (iv)",
        "Deep linear networks of any depth and widths, squared loss.",
        ("hidden-layer", *_KAWAGUCHI_DATA, "inner-product-full-rank"),
        "A saddle at which rank(W_H ... W_2) = p has a strictly negative Hessian eigenvalue.",
        "Such a saddle is strict: perturbed gradient descent leaves it, and `escape` prints the direction.",
        f"{KAWAGUCHI_2016}, Theorem 2.3 (iv)",
    ),
    Theorem(
        "kawaguchi-2.4-shallow",
        "Kawaguchi 2016, Corollary 2.4, H = 1",
        "Linear networks with one hidden layer, squared loss.",
        ("one-hidden-layer", *_KAWAGUCHI_DATA),
        "Every saddle has a strictly negative Hessian eigenvalue: there is no bad saddle.",
        "A second-order method cannot get stuck.",
        f"{KAWAGUCHI_2016}, Corollary 2.4",
    ),
    Theorem(
        "kawaguchi-2.4-deep",
        "Kawaguchi 2016, Corollary 2.4, H >= 2",
        "Linear networks with two hidden layers or more, squared loss.",
        ("two-hidden-layers", *_KAWAGUCHI_DATA),
        "There are bad saddles: critical points, not minima, where the Hessian has no negative eigenvalue.",
        "A plateau may look like a minimum to a second-order method; `classify` tells them apart.",
        f"{KAWAGUCHI_2016}, Corollary 2.4",
    ),
    Theorem(
        "lu-kawaguchi",
        "Lu & Kawaguchi 2017",
        _SQUARED,
        ("xxt-full-rank", "y-full-rank"),
        "Every local minimum is a global minimum: depth creates none that rank-constrained least squares does not "
        "have.",
        _NO_TRAP + " Ties among eigenvalues do no harm.",
        LU_KAWAGUCHI_2017,
    ),
    Theorem(
        "laurent-von-brecht",
        "Laurent & von Brecht 2018, Theorem 1",
        "Deep linear networks, any convex differentiable loss, any data.",
        ("no-bottleneck",),
        "Every local minimum is a global minimum, for any convex differentiable loss.",
        _NO_TRAP + " It stays true under another convex differentiable loss.",
        f"{LAURENT_VON_BRECHT_2018}, Theorem 1",
    ),
    Theorem(
        "yun-2018-2.1",
        "Yun, Sra & Jadbabaie 2018, Theorem 2.1",
        _SQUARED,
        ("enough-samples", "xxt-full-rank", "xyt-full-rank", "no-bottleneck"),
        "A critical point is a global minimum exactly where rank(W_N ... W_1) = min(dx, dy); every other critical "
        "point is a saddle.",
        "One rank decides whether a converged run is optimal.",
        f"{YUN_2018}, Theorem 2.1",
    ),
    Theorem(
        "yun-2018-2.2",
        "Yun, Sra & Jadbabaie 2018, Theorem 2.2",
        _SQUARED,
        ("enough-samples", "xxt-full-rank", "xyt-full-rank", "distinct-singular-values", "bottleneck"),
        "A critical point is a global minimum exactly where rank(W_N ... W_1) = p and the layers after the narrowest "
        "one span the p leading eigenvectors of Sigma; every other critical point is a saddle.",
        "A rank and a subspace decide whether a converged run is optimal.",
        f"{YUN_2018}, Theorem 2.2",
    ),
    Theorem(
        "zhou-liang",
        "Zhou & Liang 2018",
        "Deep linear networks, squared loss, any data and widths.",
        (),
        "All critical points have a known closed form; their losses, and which of them are global minima, follow from "
        "it; there is no spurious local minimum.",
        "The levels in `check` are the only losses at which training can come to rest.",
        ZHOU_LIANG_2018,
    ),
    Theorem(
        "achour",
        "Achour, Malgouyres & Gerchinovitz 2024",
        _SQUARED,
        _KAWAGUCHI_DATA,
        "Every critical point is a global minimum, a strict saddle or a bad saddle, and ranks of partial products "
        "decide which; a bad saddle is a best fit of its rank.",
        "The published form of the question `classify` answers.",
        ACHOUR_2024,
    ),
    Theorem(
        "yun-2019-general-loss",
        "Yun, Sra & Jadbabaie 2019, Theorem 4",
        "Deep linear networks, any differentiable loss l0 of the product P = W_N ... W_1, any data.",
        ("no-bottleneck",),
        "A critical point with grad l0(P) != 0 is a saddle; one with grad l0(P) = 0 is a global minimum exactly where "
        "P is one of l0.",
        "Global optimality of deep weights is read off the product alone.",
        f"{YUN_2019}, Theorem 4",
    ),
    Theorem(
        "nouiehed-razaviyayn-shallow",
        "Nouiehed & Razaviyayn 2018, two layers",
        "Linear networks with one hidden layer, squared loss, any data.",
        ("one-hidden-layer",),
        "Every local minimum is a global minimum; a critical point whose product has not the largest rank its widths "
        "allow is a global minimum or has a negative Hessian eigenvalue.",
        _NO_TRAP + " Neither X nor Y need full rank.",
        f"{NOUIEHED_RAZAVIYAYN_2018}, abstract; Theorem 5 of its ICLR 2018 submission",
    ),
    Theorem(
        "nouiehed-razaviyayn-deep",
        "Nouiehed & Razaviyayn 2018, any depth",
        _SQUARED,
        ("xxt-full-rank",),
        "A critical point whose product W_N ... W_1 has the largest rank its widths allow is a global minimum or a "
        "saddle.",
        "Where the product has full rank, nothing has to be assumed about Y.",
        f"{NOUIEHED_RAZAVIYAYN_2018}, Lemma 8 of its ICLR 2018 submission",
    ),
    Theorem(
        "zhang",
        "Zhang 2019",
        "Deep linear networks, any convex differentiable loss, any data and widths.",
        (),
        "A local minimum that is not global exists only if it does for two layers, and its product then has the "
        "largest rank the widths allow; with the squared loss there is none.",
        _NO_TRAP + " No data and no widths are excluded.",
        f"{ZHANG_2019}, abstract and introduction",
    ),
    Theorem(
        "zhu-soudry",
        "Zhu, Soudry, Eldar & Wakin 2018",
        "Linear networks with one hidden layer, squared loss.",
        ("one-hidden-layer", "xxt-full-rank", "conditions-as-published"),
        "Every local minimum is a global minimum and every other critical point has a negative Hessian eigenvalue.",
        "Gradient descent from almost every start ends at a global minimum, if it converges.",
        f"{ZHU_2018}, abstract",
    ),
    Theorem(
        "trager-filling",
        "Trager, Kohn & Bruna 2020, filling architectures",
        "Deep linear networks that can be any linear map, any smooth convex loss of the product, any data.",
        ("no-bottleneck",),
        "Every local minimum is a global minimum, whatever the smooth convex loss.",
        "The widths alone exclude traps; with a bottleneck only the squared loss does.",
        f"{TRAGER_2020}, abstract",
    ),
    Theorem(
        "trager-non-filling",
        "Trager, Kohn & Bruna 2020, non-filling architectures",
        "Deep linear networks whose products are the maps of bounded rank, squared loss.",
        ("bottleneck", "xxt-full-rank", "conditions-as-published"),
        "Every local minimum is a global minimum; other smooth convex losses may have many bad ones.",
        "With a bottleneck, what holds for the squared loss must not be carried over to another loss: `classify "
        "--loss` then asks each point's own second derivative, and says local-minimum where it proves one.",
        f"{TRAGER_2020}, abstract",
    ),
    Theorem(
        "bah",
        "Bah, Rauhut, Terstiege & Westdickenberg 2021",
        "Deep linear networks, squared loss, trained by gradient flow.",
        ("hidden-layer", "xxt-full-rank", "conditions-as-published"),
        "Gradient flow converges to a critical point from every start, and from almost every start to a best fit of "
        "some rank up to the least width.",
        "In the limit of small steps training comes to rest on one of the levels of `check`; which one is not said.",
        f"{BAH_2021}, abstract",
    ),
    Theorem(
        "arora-2019",
        "Arora, Cohen, Golowich & Hu 2019, Theorem 1",
        "Deep linear networks, squared loss, trained by gradient descent with a step below a stated bound.",
        ("no-bottleneck", "xyt-full-rank", "whitened-data", "balanced-start", "deficiency-margin"),
        "Gradient descent converges to a global minimum at a linear rate, faster the larger the margin.",
        "A guarantee for a whole run and not for a point: it names the starts from which no plateau is met.",
        f"{ARORA_2019}, Theorem 1",
    ),
)
