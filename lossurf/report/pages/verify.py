"""The page of `verify`: whether a certificate's claim follows from its matrices."""

from __future__ import annotations

from lossurf.report.document import Document
from lossurf.report.page import Case, Cell, Facts, Grid, Lines, Outcome, Page, Step, Tone
from lossurf.report.pages.steps import command_again, on_data, step
from lossurf.report.text import count, number

_MEANINGS = {
    "digest": "the files are not as they were written",
    "weights": "a layer has not the norm that is claimed",
    "dtypes": "the weights hold numbers that the dtype they are said to be stored with does not have",
    "tolerance": "the tolerance is easier to meet than the default of the weights' dtype",
    "shapes": "the layers or the data do not have the shapes that are claimed",
    "residual-loss": "the loss of least squares is negative",
    "loss": "the weights do not have the loss that is claimed",
    "optimal-loss": "the data do not have the optimal loss that is claimed",
    "gradient-claimed": "the weights do not have the gradient that is claimed",
    "rank": "the product does not have the rank that is claimed",
    "rank-max": "the layers do not have the least width that is claimed",
    "kind": "the kind of certificate does not belong to the claim",
    "critical": "the gradient is not zero at the tolerance",
    "not-critical": "the gradient is zero at the tolerance",
    "at-the-optimum": "the loss is above the optimal loss",
    "at-the-optimum-itself": "the loss is above the optimum by more than rounding, and no minimum is named beside it",
    "above-the-optimum": "the loss is the optimal loss",
    "next-level": "the next critical value is not one",
    "direction": "the direction is missing or does not have length 1",
    "pair": "the direction moves other layers than it is said to",
    "curvature": "the curvature along the direction is not negative beyond rounding",
    "curvature-claimed": "the curvature along the direction is not the one that is claimed",
    "step": "the step or the decrease that is claimed is negative",
    "descends": "the loss is not lower at the step along the direction",
    "descent-claimed": "the loss does not fall by as much as is claimed",
    "staircase": "a step of the staircase is not as claimed",
    "staircase-covers": "a pair of layers follows from no step of the staircase",
    "index": "the ranks do not give as many ways down as are claimed",
    "index-kind": "a point that is no strict saddle has no ways down",
    "index-resolution": "the ranks are those at errors of the data that the tolerance does not cover",
    "index-ranks-complete": "the rank of a product or a block is missing, or is claimed twice",
    "index-ranks": "the rank of a product or a block is not as claimed",
    "index-margins": "the margin of a rank is not as claimed",
    "index-directions": "there are not as many directions as lead down",
    "index-independent": "the directions that lead down are not independent",
    "index-definite": "the curvature is not negative along every combination of the directions, beyond rounding",
    "frozen-blocks": "the frozen layers are not the product of the factors that are named",
    "frozen-factors": "the factors of a frozen block do not share its singular values as they must",
    "frozen-rank": "a factor of a frozen block has not the rank that lets the trained layer beside it be seen",
    "frozen-rank-max": "the frozen layers do not leave the highest rank that is claimed",
    "seen-layers": "a trained layer is not seen through the frozen ones as is said",
    "seen-biases": "a bias is not seen through the frozen layers as is said",
    "weight-decay": "the weight decay is not positive",
    "balanced": "the layers do not share their singular values at the tolerance",
    "least": "the nearest critical point is above the lower bound",
    "hessian-size": "the Hessian is too large to be formed",
    "rotations": "fewer eigenvalues of the Hessian are zero than rotations of hidden units make",
    "no-descent": "the Hessian has a negative eigenvalue",
    "flat": "every direction beside the rotations of hidden units is curved",
    "nearest": "no critical point of its kind is named, or one beside a point that is not critical",
    "nearest-distance-claimed": "the nearest critical point is not as far away as is claimed",
    "nearest-distance": "the nearest critical point is farther away than the tolerance explains",
    "nearest-critical": "the nearest critical point is not critical to rounding",
    "nearest-gradient-claimed": "the gradient that is claimed of the nearest critical point is not rounding",
    "nearest-rank": "the product of the nearest critical point has a higher rank than is claimed",
    "nearest-rank-reached": "the product of the nearest critical point has a lower rank than is claimed",
    "nearest-at-the-optimum": "the nearest critical point is above the optimal loss",
    "nearest-above-the-optimum": "the nearest critical point is at the optimal loss",
    "nearest-best-fit": "the nearest critical point is not a best fit of its rank",
    "nearest-best-fit-missed": "the nearest critical point is a best fit of its rank",
    "nearest-pairs": "a pair of layers of the nearest critical point gives negative curvature",
    "nearest-pairs-open": "no pair of layers of the nearest critical point gives negative curvature",
    "range": "a product of the matrices leaves the range of float64",
    "inputs-rank": "the rows of R11 are not independent",
    "eigenvectors": "Q is no orthonormal basis",
    "eigenvalues": "the columns of Q are no eigenvectors of X X'",
    "eigenvalues-in-order": "the eigenvectors do not come by descending eigenvalue",
    "eigenvalues-told-apart": "eigenvalues are told apart, or from zero, where rounding does not, or the reverse",
    "hidden-basis": "U is no orthonormal basis",
    "hidden-basis-of-w": "the columns of U are no left singular vectors of W X",
    "unseen-inputs": "the inputs that X lacks are not as many as are claimed",
    "belongs": "something is claimed that has no place beside this verdict, or is missing",
    "carried": "the matrix does not carry as many eigenvectors of each eigenvalue as are claimed",
    "nearest-point": "the nearest critical point is not the one that is nearest",
    "nearest-seen": "the nearest critical point is too far away on what X has",
    "idle-units": "there are not as many idle units as are claimed",
    "idle-weights": "the weights of the idle units are not as claimed",
    "symmetries": "the rotations of hidden units are not as many as are claimed",
    "signs": "the Hessian does not have the signs that are claimed, or they are left out",
    "signs-of-the-hessian": "the eigenvalues of the Hessian are not those of the closed form",
    "carries-the-largest": "the matrix does not carry the largest eigenvectors, as many as it can",
    "idle-weight-below": "no idle unit has a weight below sqrt 2 beyond the tolerance",
    "idle-weight-above": "an idle unit has no weight above sqrt 2 beyond the tolerance",
    "left-out": "no eigenvector is left out, or one is that is lost in rounding",
    "no-exchange": "an eigenvector worth more than a carried one is left out",
    "data-rows": "the data have another number of samples",
    "data-y-is-x": "Y of the data is not X",
    "data-shape": "the data have another number of samples or columns",
    "data-x": "X X' of the data is another",
    "data-x-directions": "X X' of the data is another in some direction",
    "data-x-beside": "the data have directions that the certificate does not know",
    "data-y-directions": "Y X' of the data is another in some direction",
    "data-residual": "what least squares leaves of Y in the data is another",
    "data-xy": "Y X' of the data is another",
    "data-y": "the size of Y in the data is another",
    "data-means": "the means of the data are others",
}
"""What a check says where it fails."""


def page(document: Document) -> Page:
    """Lay out the document of `verify`."""
    checks = document["checks"]
    failed = [check for check in checks if not check["ok"]]
    return Page(
        title="lossurf verify",
        read=(Facts((("Certificate", document["certificate"]), ("Claim", document["claim"]))),),
        verdict=(_verdict(document, failed), _tolerance(document)),
        blocks=(Lines(tuple(f"{check['id']}: {_meaning(check)}" for check in failed), "Failed"), _table(checks))
        if failed
        else (_table(checks),),
        next_steps=_next_steps(document, failed),
        cases=tuple(
            Case(check["id"], Outcome.PASSED if check["ok"] else Outcome.FAILED, _said(check)) for check in checks
        ),
    )


def _verdict(document: Document, failed: list[Document]) -> Cell:
    claim, checks = document["claim"], count(len(document["checks"]), "check")
    if document["valid"]:
        return Cell(f"Valid: {claim} follows from the matrices, by {checks}.", Tone.GOOD)
    if all(_is_about_data(check) for check in failed):
        return Cell(
            f"Not valid for these data: {claim} follows from the matrices, but they are of other data.", Tone.BAD
        )
    return Cell(f"Not valid: {claim} does not follow; {len(failed)} of {checks} failed.", Tone.BAD)


def _tolerance(document: Document) -> str:
    """Say what the claim stands on: tau beside the one that the weights justify, and the gap."""
    tau, default = document["tolerance"], document["default_tolerance"]
    own = "the default" if tau == default else f"where the default is {number(default)}"
    most = "at most " if document.get("gap_is_bound") else ""
    gap = f"the loss is {most}{number(document['gap'])} above L*"
    gap = "the gap is not finite" if document["gap"] is None else gap
    return f"At tolerance {number(tau)}, {own} for weights so stored; {gap}."


def _next_steps(document: Document, failed: list[Document]) -> tuple[str | Step, ...]:
    if not failed:
        return ()
    if [check["id"] for check in failed] == ["tolerance"]:
        return (step("The claim at its own tolerance", command_again(document), "--any-tolerance"),)
    if all(_is_about_data(check) for check in failed):
        return ("Check that these are the data the certificate was written for.",)
    words = ("lossurf classify CHECKPOINT", on_data(document) or "--data DATA", "--certificate again.npz")
    return (step("The certificate from its source once more", *words),)


def _is_about_data(check: Document) -> bool:
    return bool(check["id"].startswith("data-"))


def _meaning(check: Document) -> str:
    name = check["id"].partition("-at-rank-")[0]
    if name.startswith("best-fit-of-rank"):
        return "the product is not a best fit of its rank"
    if name.startswith("pair-"):
        return f"the pair of layers {name.removeprefix('pair-').replace('-', ', ')} gives negative curvature"
    return _MEANINGS[name]


def _table(checks: list[Document]) -> Grid:
    return Grid(
        header=("check", "holds", "value", "bound"),
        rows=tuple(
            (
                check["id"],
                Cell("yes", Tone.GOOD) if check["ok"] else Cell("no", Tone.BAD),
                number(check["value"]),
                number(check["bound"]),
            )
            for check in checks
        ),
        numeric=frozenset({"value", "bound"}),
        level=2,
        folded=f"The {len(checks)} checks",
    )


def _said(check: Document) -> str:
    said = "holds" if check["ok"] else _meaning(check)
    return said if check["value"] is None else f"{said}: value {number(check['value'])}, bound {number(check['bound'])}"
