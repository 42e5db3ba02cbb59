"""A tied autoencoder's matrix in the eigenvectors that a certificate names: plain formulas in C = W Q. Own path.

    L = 1/2 unit^2 sum_j s_j^2 ||(C^T C - I) e_j||^2,   R11 Q = unit * (orthogonal columns of lengths s_j)

With E = C^T C - I and S = diag(s^2) the gradient is C (S E + E S), and the second derivative along V, with
M = V^T C + C^T V, is sum_j s_j^2 (||M e_j||^2 + 2 <V^T V e_j, E e_j>).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lossurf.decompositions import singular_values
from lossurf.numerics import UNDECIDED_FACTOR, Matrix, rank_threshold

_TWICE: Final = 2.0
"""Two computations of a number are each within its rounding."""

_CARRIED: Final = 0.25  # of a squared singular value: the nearer of 0 and 1 in the singular value itself


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of X X^T as a certificate names them, in units of the largest.

    Attributes
    ----------
    s : ndarray, shape (dx,)
        Roots of the eigenvalues, descending; zero where they are said to be rounding.
    rounding : float
        Bound of their errors.
    groups : tuple of slice
        Those that are said to be one eigenvalue.
    """

    s: Matrix
    rounding: float
    groups: tuple[slice, ...]

    @property
    def seen(self) -> int:
        """How many are not rounding."""
        return self.groups[-1].stop if self.groups else 0


def gradient_range(C: Matrix, spectrum: Spectrum, size: float, norm: float) -> tuple[float, float]:
    """Bound the tolerance at which the gradient vanishes, of C (k, dx) with rows along left singular vectors.

    An entry whose size is within ten times its rounding counts as zero, and which ones do is itself known to rounding
    only: the first bound leaves out more, the second fewer.
    """
    s, e = spectrum.s, spectrum.rounding
    E = C.T @ C - np.eye(s.size)
    CE, rows, above = C @ E, np.linalg.norm(C, axis=1), np.linalg.norm(C * s**2, axis=1)
    gradient = np.abs((C * s**2) @ E + CE * s**2)
    columns = np.linalg.norm(s[:, None] ** 2 * E + E * s**2, axis=0)
    reach = size * (columns + 2.0 * norm * (above[:, None] + np.outer(rows, s**2)))
    of_columns, of_scaled = np.linalg.norm(E, axis=0), np.linalg.norm(s[:, None] * E, axis=0)
    in_rows = np.linalg.norm(C * s, axis=1)
    known = e * (
        np.outer(in_rows, of_columns)
        + np.outer(rows, of_scaled)
        + np.linalg.norm(CE * s, axis=1)[:, None]
        + np.outer(np.linalg.norm(CE, axis=1), s)
    )
    # of the reach, by the errors of s, each of which has twice its own in its square
    of_reach = 2.0 * e * size * (of_scaled + of_columns * s + 2.0 * norm * (in_rows[:, None] + np.outer(rows, s)))
    off = _TWICE * known
    low = _largest_ratio(gradient - off, reach + of_reach, gradient > UNDECIDED_FACTOR * known + off)
    high = _largest_ratio(gradient + off, reach - of_reach, gradient > UNDECIDED_FACTOR * known - off)
    return low, high


def _largest_ratio(sizes: Matrix, reach: Matrix, counted: NDArray[np.bool_]) -> float:
    ratios = np.divide(sizes, reach, out=np.full(sizes.shape, np.inf), where=reach > 0.0)
    return float(np.max(np.where(counted & (sizes > 0.0), ratios, 0.0), initial=0.0))


@dataclass(frozen=True)
class ExactPoint:
    """The exactly critical point beside C that carries so many eigenvectors of every eigenvalue.

    Attributes
    ----------
    C : ndarray, shape (k, dx)
    spectrum : Spectrum
    carried : tuple of int
        By eigenvalue.
    """

    C: Matrix
    spectrum: Spectrum
    carried: tuple[int, ...]

    @cached_property
    def counted(self) -> tuple[int, ...]:
        """How many singular values of C are nearer to 1 than to 0, by eigenvalue."""
        blocks = [self.C[:, group] for group in self.spectrum.groups]
        return tuple(int(np.sum(np.linalg.eigvalsh(block.T @ block) > _CARRIED)) for block in blocks)

    @property
    def rank(self) -> int:
        """R."""
        return sum(self.carried)

    @property
    def idle(self) -> int:
        """K - r."""
        return len(self.C) - self.rank

    @property
    def left(self) -> int:
        """Seen eigenvectors that are not carried."""
        return self.spectrum.seen - self.rank

    @cached_property
    def coordinates(self) -> Matrix:
        """The point itself: the nearest r orthonormal rows in the carried eigenvectors, the rest on unseen inputs."""
        kept = np.zeros((self.rank, self.C.shape[1]))
        row = 0
        for group, count in zip(self.spectrum.groups, self.carried, strict=True):
            block = self.C[:, group]
            vectors = np.linalg.eigh(block.T @ block)[1]
            kept[row : row + count, group] = vectors[:, vectors.shape[1] - count :].T
            row += count
        image = self.C @ kept.T
        values, turn = np.linalg.eigh(image.T @ image)
        units = image @ (turn / np.sqrt(values)) @ turn.T  # the nearest orthonormal columns
        idle = np.where(np.arange(self.C.shape[1]) < self.spectrum.seen, 0.0, self.C)
        return np.asarray(units @ kept + idle - units @ (units.T @ idle))

    @cached_property
    def idle_weights(self) -> Matrix:
        """z, descending, one for each idle unit."""
        unseen = self.coordinates[:, self.spectrum.seen :]
        found = singular_values(unseen) if unseen.size else np.zeros(0)
        return np.asarray(np.append(found, np.zeros(self.idle))[: self.idle])

    @property
    def inversions(self) -> int:
        """Pairs of a carried eigenvector and one left out of a larger eigenvalue."""
        left = [group.stop - group.start - r for group, r in zip(self.spectrum.groups, self.carried, strict=True)]
        return sum(r * sum(left[:i]) for i, r in enumerate(self.carried))

    @property
    def signs(self) -> tuple[int, int, int]:
        """n-, n0, n+ of the Hessian, in closed form, none of z being sqrt 2."""
        sizes = [group.stop - group.start for group in self.spectrum.groups]
        ties = sum(r * (size - r) for r, size in zip(self.carried, sizes, strict=True))
        unseen = self.C.shape[1] - self.spectrum.seen
        negative = self.inversions + self.left * int(np.sum(self.idle_weights < np.sqrt(2.0)))
        zero = self.symmetries + ties + self.idle * unseen
        return negative, zero, self.C.size - negative - zero

    @property
    def symmetries(self) -> int:
        """Rotations of hidden units that move the point."""
        return self.rank * (self.rank - 1) // 2 + self.rank * self.idle

    @property
    def amplification(self) -> float:
        """How much farther than its gradient tells a critical point may be: by close eigenvalues, or z near sqrt 2."""
        pairs = list(zip(self.spectrum.groups, self.carried, strict=True))
        largest = 1.0
        for group, r in pairs:
            for other, kept in pairs:
                if group != other and r and kept < other.stop - other.start:
                    a, b = self.spectrum.s[group.start] ** 2, self.spectrum.s[other.start] ** 2
                    largest = max(largest, float((a + b) / abs(a - b)) if a != b else np.inf)
        for z in self.idle_weights if self.left else ():
            largest = max(largest, float((2.0 + z * z) / abs(2.0 - z * z)) if z * z != 2.0 else np.inf)
        return largest

    def gradient(self) -> tuple[float, float]:
        """Norm of the gradient at the point, and the sum of the sizes of its terms."""
        N, square = self.coordinates, self.spectrum.s**2
        E, size = N.T @ N - np.eye(square.size), np.abs(N)
        terms = size.T @ size + np.eye(square.size)
        value = (N * square) @ E + (N @ E) * square
        sizes = (size * square) @ terms + (size @ terms) * square
        return float(np.linalg.norm(value)), float(np.linalg.norm(sizes))

    def hessian(self) -> Matrix:
        """Return the Hessian at the point over the entries of C, row by row."""
        N, square = self.coordinates, self.spectrum.s**2
        (k, d), E = N.shape, N.T @ N - np.eye(square.size)
        units, inputs = np.eye(k), np.eye(d)
        slope, NS, gram = square[:, None] * E + E * square, N * square, N @ N.T
        H = np.einsum("il,jm->ijlm", units, slope) + np.einsum("im,lj->ijlm", NS, N)
        H += np.einsum("il,jm->ijlm", NS @ N.T, inputs) + np.einsum("im,lj->ijlm", N, NS)
        H += np.einsum("il,jm,j->ijlm", gram, inputs, square)
        H = H.reshape(N.size, N.size)
        return np.asarray(0.5 * (H + H.T))


@dataclass(frozen=True)
class Along:
    """L(N + t V) - L(N) = slope t + 1/2 curvature t^2 + cubic t^3 + quartic t^4, each with a bound of its rounding.

    Of its terms, and of s: V is rounded as it was stored, by half an eps of its length, which is what its coordinates
    along the eigenvectors of large eigenvalues are known to.
    """

    slope: tuple[float, float]
    curvature: tuple[float, float]
    cubic: tuple[float, float]
    quartic: tuple[float, float]

    @classmethod
    def of(cls, N: Matrix, V: Matrix, spectrum: Spectrum) -> Along:
        """Expand at N along V, both (k, dx) in coordinates."""
        s, e = spectrum.s, np.where(spectrum.s > 0.0, spectrum.rounding, 0.0)
        unit = rank_threshold(1.0, sum(N.shape))
        n, v, inputs = np.abs(N), np.abs(V), np.eye(s.size)
        zeroth, first, second = N.T @ N - inputs, V.T @ N + N.T @ V, V.T @ V
        known = unit * np.linalg.norm(V)  # of every coordinate of V
        rows = np.linalg.norm(N, axis=0)
        of_zeroth = unit * (n.T @ n + inputs) * s
        of_first = (unit * (v.T @ n + n.T @ v) + known * (rows[:, None] + rows)) * s
        lengths = np.linalg.norm(V, axis=0)
        of_second = (unit * (v.T @ v) + known * (lengths[:, None] + lengths + known)) * s
        pairs = ((zeroth, of_zeroth), (first, of_first), (second, of_second))
        parts = [(part * s, of_part + (np.abs(part) * e)) for part, of_part in pairs]

        def product(i: int, j: int, factor: float) -> tuple[float, float]:
            (a, of_a), (b, of_b) = parts[i], parts[j]
            error = np.sum(np.abs(a) * of_b) + np.sum(of_a * np.abs(b)) + np.sum(of_a * of_b)
            return factor * float(np.sum(a * b)), factor * float(error + unit * np.sum(np.abs(a * b)))

        squares, crossed = product(1, 1, 1.0), product(0, 2, 2.0)
        curvature = squares[0] + crossed[0], squares[1] + crossed[1]
        return cls(product(0, 1, 1.0), curvature, product(1, 2, 1.0), product(2, 2, 0.5))

    def fall(self, t: float) -> tuple[float, float]:
        """L(N) - L(N + t V), and a bound of its rounding."""
        square = t * t  # t**4 would raise where it overflows
        terms = (
            (self.slope, t),
            (self.curvature, 0.5 * square),
            (self.cubic, square * t),
            (self.quartic, square * square),
        )
        return -sum(part[0] * power for part, power in terms), sum(part[1] * abs(power) for part, power in terms)
