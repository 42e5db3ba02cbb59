"""Every closed vocabulary: the words that commands take, documents hold and the registries explain. Without numpy."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """The three values of a decision about measured numbers."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"


class Verdict(StrEnum):
    """The kinds of point a checkpoint can be at, and the two answers that name none."""

    GLOBAL_MINIMUM = "global-minimum"
    LOCAL_MINIMUM = "local-minimum"  # with weight decay, and under other losses than the squared one
    STRICT_SADDLE = "strict-saddle"
    BAD_SADDLE = "bad-saddle"  # without
    DEGENERATE = "degenerate"  # with weight decay
    NOT_CRITICAL = "not-critical"
    UNDETERMINED = "undetermined"


class CertificateKind(StrEnum):
    """What a certificate consists of."""

    GAP = "gap"  # global minimum: the loss against the next critical value
    WRONG_EIGENSET = "wrong-eigenset"  # strict, case 2: an eigen-direction worth more is left out
    TAILS = "tails"  # strict, case 3: two layers act together on the residual
    STAIRCASE = "staircase"  # bad saddle: which factor of every pair of layers vanishes
    GRADIENT = "gradient"  # not critical: the layer with the largest gradient
    DUAL_GAP = "dual-gap"  # other losses, global minimum: the loss against its dual bound
    CONVEX_PART = "convex-part"  # other losses, bad saddle: nothing but the convex part of the Hessian is left
    HESSIAN = "hessian"  # other losses: the sign of the Hessian's least eigenvalue
    SPECTRAL_BOUND = "spectral-bound"  # weight decay, global minimum: the loss against a bound by singular values
    INERTIA = "inertia"  # weight decay, local minimum or degenerate: signs of the Hessian at an exact point


class SegmentKind(StrEnum):
    """What a segment of the path does."""

    TAILS = "tails"
    ROTATE = "rotate"
    GROW = "grow"
    DIRECTION = "direction"
    DESCEND = "descend"  # with weight decay
    LOWER = "lower"  # with weight decay: another point, which is known to be lower


class Applies(StrEnum):
    """Whether a theorem speaks for this data and network."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


class Kind(StrEnum):
    """What an explained id names."""

    HYPOTHESIS = "hypothesis"
    THEOREM = "theorem"
    LEMMA = "lemma"
    VERDICT = "verdict"
    CERTIFICATE = "certificate"
    STATUS = "status"
    EXIT_CODE = "exit-code"
    SUBJECT = "subject"


class Attained(StrEnum):
    """Whether some weights have the least loss."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


class SpuriousVerdict(StrEnum):
    """What the least-squares point of a ReLU-like network is on this data."""

    SPURIOUS = "spurious"
    NOT_SPURIOUS = "not-spurious"
    NOT_APPLICABLE = "not-applicable"
    UNDECIDED = "undecided"


class LossName(StrEnum):
    """What can be minimised."""

    SQUARED = "squared"
    HUBER = "huber"
    LOGCOSH = "logcosh"
    LOGISTIC = "logistic"
    SOFTMAX = "softmax"


class ActivationName(StrEnum):
    """Activations of one hidden layer for which data with a bad minimum are known."""

    SIGMOID = "sigmoid"
    TANH = "tanh"
    ARCTAN = "arctan"
    ELU = "elu"
    SELU = "selu"
    SOFTPLUS = "softplus"
    GELU = "gelu"
    SILU = "silu"
    RELU = "relu"
    LEAKY_RELU = "leaky-relu"


class Reduction(StrEnum):
    """How the loss that an optimizer was given sums the squares."""

    MEAN = "mean"  # over all entries, as PyTorch's MSELoss does
    SUM = "sum"
    HALF_SUM = "half-sum"

    def half_sum(self, samples: int, outputs: int) -> float:
        """Return how often a loss of this kind is in the half sum of squares over so many samples and outputs."""
        return {"mean": 0.5 * samples * outputs, "sum": 0.5, "half-sum": 1.0}[self.value]


class DType(StrEnum):
    """Number types that a checkpoint is written in."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    FLOAT16 = "float16"


DECAY_VERDICTS: Final = tuple(verdict for verdict in Verdict if verdict is not Verdict.BAD_SADDLE)
"""What a point of a loss with weight decay can be."""

PLAIN_VERDICTS: Final = tuple(
    verdict for verdict in Verdict if verdict not in (Verdict.LOCAL_MINIMUM, Verdict.DEGENERATE)
)
"""What a point of the squared loss without can be: all its local minima are global."""

LOSS_VERDICTS: Final = tuple(verdict for verdict in Verdict if verdict is not Verdict.DEGENERATE)
"""What a point of another convex loss can be, whose local minima need not be where a layer is narrow."""

CRITICAL: Final = (Verdict.GLOBAL_MINIMUM, Verdict.STRICT_SADDLE, Verdict.BAD_SADDLE)
"""The kinds of critical point, which can be constructed."""

DECAY_CRITICAL: Final = (Verdict.GLOBAL_MINIMUM, Verdict.LOCAL_MINIMUM, Verdict.STRICT_SADDLE)
"""The kinds of critical point of a loss with weight decay that can be constructed; ties alone make one degenerate."""

CONSTRUCTED: Final = tuple(verdict for verdict in Verdict if verdict in CRITICAL + DECAY_CRITICAL)
"""The kinds of critical point that can be constructed, with weight decay or without."""

WRITTEN: Final = (".npz", ".safetensors", ".pt", ".pth", ".keras")
"""Endings of the formats that a network is written in."""

CLAIMED: Final = tuple(verdict for verdict in Verdict if verdict is not Verdict.UNDETERMINED)
"""The verdicts that a certificate can claim."""

DECAY_CERTIFICATES: Final = (
    CertificateKind.DUAL_GAP,
    CertificateKind.SPECTRAL_BOUND,
    CertificateKind.HESSIAN,
    CertificateKind.INERTIA,
    CertificateKind.GRADIENT,
)
"""What certificates about a loss with weight decay consist of."""

SQUARED_CERTIFICATES: Final = (
    CertificateKind.GAP,
    CertificateKind.WRONG_EIGENSET,
    CertificateKind.TAILS,
    CertificateKind.STAIRCASE,
    CertificateKind.GRADIENT,
)
"""What certificates about the squared loss consist of."""

STRICT_WAYS: Final = (CertificateKind.WRONG_EIGENSET, CertificateKind.TAILS)
"""What makes a saddle strict."""

CONVEX_LOSSES: Final = tuple(name for name in LossName if name is not LossName.SQUARED)
"""The losses besides the squared one."""

PIECEWISE_LINEAR_NAMES: Final = (ActivationName.RELU, ActivationName.LEAKY_RELU)
"""Activations of two slopes."""
