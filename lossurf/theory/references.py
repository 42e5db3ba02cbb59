"""The literature, each work cited once."""

from __future__ import annotations

from typing import Final

BALDI_HORNIK_1989: Final = (
    "P. Baldi and K. Hornik, Neural networks and principal component analysis: learning from examples without local "
    "minima, Neural Networks 2 (1989)"
)
KAWAGUCHI_2016: Final = "K. Kawaguchi, Deep learning without poor local minima, NeurIPS 2016, arXiv:1605.07110"
LU_KAWAGUCHI_2017: Final = "H. Lu and K. Kawaguchi, Depth creates no bad local minima, 2017, arXiv:1702.08580"
LAURENT_VON_BRECHT_2018: Final = (
    "T. Laurent and J. von Brecht, Deep linear networks with arbitrary loss: all local minima are global, ICML 2018, "
    "arXiv:1712.01473"
)
YUN_2018: Final = (
    "C. Yun, S. Sra and A. Jadbabaie, Global optimality conditions for deep neural networks, ICLR 2018, "
    "arXiv:1707.02444"
)
YUN_2019: Final = (
    "C. Yun, S. Sra and A. Jadbabaie, Small nonlinearities in activation functions create bad local minima in neural "
    "networks, ICLR 2019, arXiv:1802.03487"
)
ZHOU_LIANG_2018: Final = (
    "Y. Zhou and Y. Liang, Critical points of linear neural networks: analytical forms and landscape properties, "
    "ICLR 2018, arXiv:1710.11205"
)
ACHOUR_2024: Final = (
    "E. M. Achour, F. Malgouyres and S. Gerchinovitz, The loss landscape of deep linear neural networks: a "
    "second-order analysis, JMLR 25 (2024), arXiv:2107.13289"
)
CHOROMANSKA_2015: Final = (
    "A. Choromanska, M. Henaff, M. Mathieu, G. Ben Arous and Y. LeCun, The loss surfaces of multilayer networks, "
    "AISTATS 2015, arXiv:1412.0233"
)
KAWAGUCHI_KAELBLING_2020: Final = (
    "K. Kawaguchi and L. P. Kaelbling, Elimination of all bad local minima in deep learning, AISTATS 2020, "
    "arXiv:1901.00279"
)
TRAGER_2020: Final = (
    "M. Trager, K. Kohn and J. Bruna, Pure and spurious critical points: a geometric study of linear networks, ICLR "
    "2020, arXiv:1910.01671"
)
NOUIEHED_RAZAVIYAYN_2018: Final = (
    "M. Nouiehed and M. Razaviyayn, Learning deep models: critical points and local openness, 2018, arXiv:1803.02968"
)
ZHANG_2019: Final = "L. Zhang, Depth creates no more spurious local minima, 2019, arXiv:1901.09827"
ZHU_2018: Final = (
    "Z. Zhu, D. Soudry, Y. C. Eldar and M. B. Wakin, The global optimization geometry of shallow linear neural "
    "networks, Journal of Mathematical Imaging and Vision 62 (2020), arXiv:1805.04938"
)
BAH_2021: Final = (
    "B. Bah, H. Rauhut, U. Terstiege and M. Westdickenberg, Learning deep linear neural networks: Riemannian gradient "
    "flows and convergence to global minimizers, Information and Inference 11 (2022), arXiv:1910.05505"
)
ARORA_2019: Final = (
    "S. Arora, N. Cohen, N. Golowich and W. Hu, A convergence analysis of gradient descent for deep linear neural "
    "networks, ICLR 2019, arXiv:1810.02281"
)
DU_2018: Final = (
    "S. S. Du, W. Hu and J. D. Lee, Algorithmic regularization in learning deep homogeneous models: layers are "
    "automatically balanced, NeurIPS 2018, arXiv:1806.00900"
)
ARORA_2018: Final = (
    "S. Arora, N. Cohen and E. Hazan, On the optimization of deep networks: implicit acceleration by "
    "overparameterization, ICML 2018, arXiv:1802.06509"
)
COHEN_2021: Final = (
    "J. Cohen, S. Kaur, Y. Li, J. Z. Kolter and A. Talwalkar, Gradient descent on neural networks typically occurs at "
    "the edge of stability, ICLR 2021, arXiv:2103.00065"
)
DAUPHIN_2014: Final = (
    "Y. Dauphin, R. Pascanu, C. Gulcehre, K. Cho, S. Ganguli and Y. Bengio, Identifying and attacking the saddle point "
    "problem in high-dimensional non-convex optimization, NeurIPS 2014, arXiv:1406.2572"
)
MULAYOFF_2020: Final = (
    "R. Mulayoff and T. Michaeli, Unique properties of flat minima in deep networks, ICML 2020, arXiv:2002.04710"
)
SREBRO_2005: Final = "N. Srebro, J. Rennie and T. Jaakkola, Maximum-margin matrix factorization, NeurIPS 17 (2005)"
HAEFFELE_VIDAL_2015: Final = (
    "B. D. Haeffele and R. Vidal, Global optimality in tensor factorization, deep learning, and beyond, 2015, "
    "arXiv:1506.07540"
)
KUNIN_2019: Final = (
    "D. Kunin, J. M. Bloom, A. Goeva and C. Seed, Loss landscapes of regularized linear autoencoders, ICML 2019, "
    "arXiv:1901.08168"
)
LOSHCHILOV_HUTTER_2019: Final = (
    "I. Loshchilov and F. Hutter, Decoupled weight decay regularization, ICLR 2019, arXiv:1711.05101"
)
SREBRO_JAAKKOLA_2003: Final = "N. Srebro and T. Jaakkola, Weighted low-rank approximations, ICML 20 (2003)"
HU_2022: Final = "E. J. Hu et al., LoRA: low-rank adaptation of large language models, ICLR (2022), arXiv 2106.09685"
FRIEDLAND_TOROKHTI_2007: Final = (
    "S. Friedland and A. Torokhti, Generalized rank-constrained matrix approximations, "
    "SIAM J. Matrix Anal. Appl. 29 (2007), 656-659"
)
