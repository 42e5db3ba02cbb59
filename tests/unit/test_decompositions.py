"""Singular values of matrices on which divide and conquer gives up.

Independent channel: matrices made from their singular values, and the four conditions of Penrose. Whether dgesdd ends
depends on the processor's kernel, so its failure is made here; only numpy's own function may be asked once.
"""

import ast

import numpy as np
import pytest
from process import ROOT

from lossurf.decompositions import largest_singular_value, pseudo_inverse, singular_values, svd
from lossurf.landscape.norms import singular_values_of_each


@pytest.fixture(params=[False, True], ids=["converges", "gives-up"])
def matrix_of(request, monkeypatch):
    """Make matrices (7, 4) with these singular values, on which LAPACK's first choice ends or does not."""
    rng = np.random.default_rng(1)
    left, right = (np.linalg.qr(rng.standard_normal((n, n)))[0] for n in (7, 4))
    if request.param:

        def give_up(*_, **__):
            raise np.linalg.LinAlgError("SVD did not converge")

        monkeypatch.setattr(np.linalg, "svd", give_up)
    return lambda values: np.asarray((left[:, :4] * values) @ right.T)


VALUES = np.array([3.0, 1.0, 1.0, 1e-9])


@pytest.mark.parametrize("full_matrices", [False, True])
def test_the_factors_are_orthogonal_and_give_the_matrix_back(matrix_of, full_matrices):
    matrix = matrix_of(VALUES)
    for A in (matrix, matrix.T, np.asfortranarray(matrix)):
        U, s, Vt = svd(A, full_matrices=full_matrices)
        assert (U.shape[1], len(Vt)) == (A.shape if full_matrices else (4, 4))
        assert s == pytest.approx(VALUES, rel=1e-14, abs=1e-15)
        assert np.max(np.abs(U.T @ U - np.eye(U.shape[1]))) < 1e-14
        assert np.max(np.abs(Vt @ Vt.T - np.eye(len(Vt)))) < 1e-14
        assert np.max(np.abs((U[:, :4] * s) @ Vt[:4] - A)) < 1e-14


def test_values_alone(matrix_of):
    matrix = matrix_of(VALUES)
    assert singular_values(matrix) == pytest.approx(VALUES, rel=1e-14, abs=1e-15)
    assert largest_singular_value(matrix) == pytest.approx(3.0, rel=1e-14)
    stacked = np.stack([matrix, 2.0 * matrix])
    assert singular_values_of_each(stacked) == pytest.approx(np.stack([VALUES, 2.0 * VALUES]), rel=1e-14, abs=1e-15)


def test_of_nothing():
    assert singular_values(np.zeros((0, 3))).shape == (0,)
    assert largest_singular_value(np.zeros((3, 0))) == 0.0
    assert singular_values_of_each(np.zeros((2, 0, 3))).shape == (2, 0)


@pytest.mark.parametrize("values", [np.array([3.0, 1.0, 1.0, 1e-3]), np.array([2.0, 1.0, 0.0, 0.0]), np.zeros(4)])
def test_the_pseudo_inverse_is_the_one_of_penrose(matrix_of, values):
    A = matrix_of(values)
    B = pseudo_inverse(A)
    size = 1.0 + np.linalg.norm(B)
    for off in (A @ B @ A - A, (B @ A @ B - B) / size, (A @ B - (A @ B).T) / size, (B @ A - (B @ A).T) / size):
        assert np.max(np.abs(off)) < 1e-11


def test_a_share_of_the_largest_counts_as_zero(matrix_of):
    A = matrix_of(VALUES)
    assert np.linalg.norm(pseudo_inverse(A, rcond=1e-8)) == pytest.approx(np.sqrt(1.0 / 9.0 + 2.0), rel=1e-12)
    assert np.linalg.norm(pseudo_inverse(A, rcond=1e-10)) == pytest.approx(1e9, rel=1e-6)


@pytest.mark.parametrize("ask", [svd, singular_values, largest_singular_value, pseudo_inverse])
def test_what_is_not_finite_has_none(ask):
    with pytest.raises(np.linalg.LinAlgError):
        ask(np.array([[1.0, np.nan], [0.0, 1.0]]))


def test_no_room_asks_numpy_for_a_decomposition_that_may_not_end():
    """Nor for what numpy computes from one: a norm of order 2, a rank, or a pseudo-inverse that is not symmetric."""
    asked = []
    for path in sorted((ROOT / "lossurf").rglob("*.py")):
        source = path.read_text("utf-8")
        for node in ast.walk(ast.parse(source)) if "linalg" in source else ():
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            function = ast.unparse(node.func)
            if function in {"np.linalg.svd", "np.linalg.svdvals", "np.linalg.cond", "np.linalg.matrix_rank"}:
                asked.append(path.name)
            elif function == "np.linalg.norm":
                orders = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "ord")]
                asked += [path.name for order in orders if ast.unparse(order) in {"2", "-2", "'nuc'"}]
            elif function == "np.linalg.pinv":
                asked += [] if any(word.arg == "hermitian" for word in node.keywords) else [path.name]
    assert asked == ["decompositions.py", "decompositions.py", "norms.py"]
