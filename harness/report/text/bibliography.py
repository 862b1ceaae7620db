"""What a suite rests on, as BibTeX: the papers of its objectives, networks and metrics, and this software."""

from collections.abc import Iterable, Mapping

SOFTWARE = {  # a test compares these with CITATION.cff
    "title": "harness: a declarative benchmark and comparison harness for GAN objectives",
    "author": "The harness developers",
    "license": "MIT",
}

Entry = tuple[str, Mapping[str, str]]  # its kind, its fields


def _at(authors: str, title: str, booktitle: str, year: int, **more: str) -> Entry:
    return "inproceedings", {"author": authors, "title": title, "booktitle": booktitle, "year": str(year), **more}


def _in(authors: str, title: str, journal: str, year: int, **more: str) -> Entry:
    return "article", {"author": authors, "title": title, "journal": journal, "year": str(year), **more}


def _kept(authors: str, title: str, year: int, **more: str) -> Entry:
    return "misc", {"author": authors, "title": title, "year": str(year), **more}


_NIPS, _ICML, _ICLR = (
    "Advances in Neural Information Processing Systems",
    "International Conference on Machine Learning",
    "International Conference on Learning Representations",
)

# Names in BibTeX's own spelling of letters beyond ASCII; braces keep capitals that a style would lower.
PAPERS: dict[str, Entry] = {
    "wilson1927": _in(
        "Wilson, Edwin B.", "Probable Inference, the Law of Succession, and Statistical Inference",
        "Journal of the American Statistical Association", 1927, volume="22", number="158", pages="209--212",
    ),
    "wilcoxon1945": _in(
        "Wilcoxon, Frank", "Individual Comparisons by Ranking Methods", "Biometrics Bulletin", 1945,
        volume="1", number="6", pages="80--83",
    ),
    "mcnemar1947": _in(
        "McNemar, Quinn", "Note on the Sampling Error of the Difference between Correlated Proportions or Percentages",
        "Psychometrika", 1947, volume="12", number="2", pages="153--157",
    ),
    "holm1979": _in(
        "Holm, Sture", "A Simple Sequentially Rejective Multiple Test Procedure", "Scandinavian Journal of Statistics",
        1979, volume="6", number="2", pages="65--70",
    ),
    "goodfellow2014": _at(
        "Goodfellow, Ian and Pouget-Abadie, Jean and Mirza, Mehdi and Xu, Bing and Warde-Farley, David and Ozair, "
        "Sherjil and Courville, Aaron and Bengio, Yoshua",
        "Generative Adversarial Nets", _NIPS, 2014, volume="27",
    ),
    "bonneel2015": _in(
        "Bonneel, Nicolas and Rabin, Julien and Peyr{\\'e}, Gabriel and Pfister, Hanspeter",
        "Sliced and {R}adon {W}asserstein Barycenters of Measures", "Journal of Mathematical Imaging and Vision", 2015,
        volume="51", number="1", pages="22--45",
    ),
    "radford2016": _at(
        "Radford, Alec and Metz, Luke and Chintala, Soumith",
        "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks", _ICLR, 2016,
        eprint="1511.06434", archiveprefix="arXiv",
    ),
    "salimans2016": _at(
        "Salimans, Tim and Goodfellow, Ian and Zaremba, Wojciech and Cheung, Vicki and Radford, Alec and Chen, Xi",
        "Improved Techniques for Training {GANs}", _NIPS, 2016, volume="29",
    ),
    "arjovsky2017": _at(
        "Arjovsky, Martin and Chintala, Soumith and Bottou, L{\\'e}on",
        "{W}asserstein Generative Adversarial Networks", _ICML, 2017, eprint="1701.07875", archiveprefix="arXiv",
    ),
    "gulrajani2017": _at(
        "Gulrajani, Ishaan and Ahmed, Faruk and Arjovsky, Martin and Dumoulin, Vincent and Courville, Aaron",
        "Improved Training of {W}asserstein {GANs}", _NIPS, 2017, volume="30",
    ),
    "heusel2017": _at(
        "Heusel, Martin and Ramsauer, Hubert and Unterthiner, Thomas and Nessler, Bernhard and Hochreiter, Sepp",
        "{GANs} Trained by a Two Time-Scale Update Rule Converge to a Local {N}ash Equilibrium", _NIPS, 2017,
        volume="30",
    ),
    "lim2017": _kept(
        "Lim, Jae Hyun and Ye, Jong Chul", "Geometric {GAN}", 2017, eprint="1705.02894", archiveprefix="arXiv",
    ),
    "mao2017": _at(
        "Mao, Xudong and Li, Qing and Xie, Haoran and Lau, Raymond Y. K. and Wang, Zhen and Smolley, Stephen Paul",
        "Least Squares Generative Adversarial Networks", "{IEEE} International Conference on Computer Vision", 2017,
    ),
    "binkowski2018": _at(
        "Bi{\\'n}kowski, Miko{\\l}aj and Sutherland, Danica J. and Arbel, Michael and Gretton, Arthur",
        "Demystifying {MMD} {GANs}", _ICLR, 2018, eprint="1801.01401", archiveprefix="arXiv",
    ),
    "miyato2018": _at(
        "Miyato, Takeru and Kataoka, Toshiki and Koyama, Masanori and Yoshida, Yuichi",
        "Spectral Normalization for Generative Adversarial Networks", _ICLR, 2018, eprint="1802.05957",
        archiveprefix="arXiv",
    ),
    "petzka2018": _at(
        "Petzka, Henning and Fischer, Asja and Lukovnikov, Denis", "On the regularization of {W}asserstein {GANs}",
        _ICLR, 2018, eprint="1709.08894", archiveprefix="arXiv",
    ),
    "kynkaanniemi2019": _at(
        'Kynk{\\"a}{\\"a}nniemi, Tuomas and Karras, Tero and Laine, Samuli and Lehtinen, Jaakko and Aila, Timo',
        "Improved Precision and Recall Metric for Assessing Generative Models", _NIPS, 2019, volume="32",
    ),
    "akiba2019": _at(
        "Akiba, Takuya and Sano, Shotaro and Yanase, Toshihiko and Ohta, Takeru and Koyama, Masanori",
        "Optuna: A Next-generation Hyperparameter Optimization Framework",
        "{ACM} {SIGKDD} International Conference on Knowledge Discovery and Data Mining", 2019, pages="2623--2631",
    ),
    "naeem2020": _at(
        "Naeem, Muhammad Ferjad and Oh, Seong Joon and Uh, Youngjung and Choi, Yunjey and Yoo, Jaejun",
        "Reliable Fidelity and Diversity Metrics for Generative Models", _ICML, 2020, eprint="2002.09797",
        archiveprefix="arXiv",
    ),
    "obukhov2020": _kept(
        "Obukhov, Anton and Seitzer, Maximilian and Wu, Po-Wei and Zhydenko, Semen and Kyl, Jonathan and Lin, "
        "Elvis Yu-Jing",
        "High-fidelity performance metrics for generative models in {PyTorch}", 2020,
        howpublished="\\url{https://github.com/toshas/torch-fidelity}",
    ),
    "tang2020": _at(
        "Tang, Raphael and Lee, Jaejun and Xin, Ji and Liu, Xinyu and Yu, Yaoliang and Lin, Jimmy",
        "Showing Your Work Doesn't Always Work",
        "Annual Meeting of the Association for Computational Linguistics", 2020, pages="2766--2772",
    ),
    "agarwal2021": _at(
        "Agarwal, Rishabh and Schwarzer, Max and Castro, Pablo Samuel and Courville, Aaron C. and Bellemare, Marc",
        "Deep Reinforcement Learning at the Edge of the Statistical Precipice", _NIPS, 2021, volume="34",
    ),
    "flamary2021": _in(
        "Flamary, R{\\'e}mi and Courty, Nicolas and Gramfort, Alexandre and Alaya, Mokhtar Z. and others",
        "{POT}: {P}ython Optimal Transport", "Journal of Machine Learning Research", 2021, volume="22", number="78",
        pages="1--8",
    ),
    "watanabe2023": _at(
        "Watanabe, Shuhei and Bansal, Archit and Hutter, Frank",
        "{PED-ANOVA}: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces",
        "International Joint Conference on Artificial Intelligence", 2023, pages="4389--4396", eprint="2304.10255",
        archiveprefix="arXiv",
    ),
}  # fmt: skip

# Whose paper a name stands for: of objectives the table's, of metrics the part before [ and @.
OF_OBJECTIVES = {
    "gan": ("goodfellow2014",), "nsgan": ("goodfellow2014",), "lsgan": ("mao2017",),
    "hinge": ("lim2017", "miyato2018"), "wgan": ("arjovsky2017",), "wgan-clip": ("arjovsky2017",),
    "wgan-gp": ("gulrajani2017",), "wgan-lp": ("petzka2018",),
}  # fmt: skip
OF_ARCHITECTURES = {"dcgan": ("radford2016",)}  # and its variants, whose names begin so
OF_METRICS = {
    "w1": ("flamary2021",), "w2": ("flamary2021",), "sliced_w": ("bonneel2015",), "fid": ("heusel2017",),
    "kid": ("binkowski2018",), "isc": ("salimans2016",), "precision": ("kynkaanniemi2019",),
    "recall": ("kynkaanniemi2019",), "density": ("naeem2020",), "coverage": ("naeem2020",),
}  # fmt: skip
OF_EXTRACTORS = {"inception": ("obukhov2020",)}
OF_STUDIES = {  # what its trials were asked for
    "drawn": ("akiba2019",), "expected": ("tang2020",), "spread": ("wilson1927",),
    "paired": ("mcnemar1947", "holm1979"), "weighed": ("watanabe2023",),
}  # fmt: skip


def chosen(
    objectives: Iterable[str], architectures: Iterable[str], metrics: Iterable[str], extractors: Iterable[str]
) -> list[str]:
    """Return the keys of the papers behind the table's names of objectives, and what else a suite used, by year."""
    keys = {key for name in objectives for key in OF_OBJECTIVES.get(name, ())}
    keys |= {
        key for name in architectures for start, of in OF_ARCHITECTURES.items() if name.startswith(start) for key in of
    }
    keys |= {key for name in metrics for key in OF_METRICS.get(name, ())}
    keys |= {key for name in extractors for key in OF_EXTRACTORS.get(name, ())}
    return [key for key in PAPERS if key in keys]


def bibtex(keys: Iterable[str], version: str) -> str:
    """Return the software, in the version given, and the papers of those keys as BibTeX."""
    software = "misc", {
        "author": f"{{{SOFTWARE['author']}}}", "title": f"{{{SOFTWARE['title']}}}",
        "note": f"Version {version}, {SOFTWARE['license']} licence",
    }  # fmt: skip
    return "\n\n".join([_written("harness", software), *(_written(key, PAPERS[key]) for key in keys)])


def _written(key: str, entry: Entry) -> str:
    kind, fields = entry
    lines = [f"  {name:<13} = {{{value}}}" for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", ",\n".join(lines), "}"])
