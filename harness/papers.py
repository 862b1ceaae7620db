"""The papers that the package rests on: each is named once, here, and cited by its entry of PAPERS."""

import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

NEURIPS = "Advances in Neural Information Processing Systems"
ICML = "International Conference on Machine Learning"
ICLR = "International Conference on Learning Representations"

_ACCENTS = {"\N{COMBINING ACUTE ACCENT}": "'", "\N{COMBINING DIAERESIS}": '"'}
_LETTERS = {"ł": r"{\l}", "ø": r"{\o}"}


@dataclass(frozen=True)
class Paper:
    """A publication, and, once cited, the place in it: `PAPERS["gulrajani2017"].at("eq. 3")`.

    `authors` are written "Surname, Given and Surname, Given"; braces in titles keep capitals in BibTeX. A paper without
    a `venue` is a preprint or a web page; with a `volume` and a `number` the venue is a journal.
    """

    key: str  # surname of the first author and year
    authors: str
    year: int
    title: str
    venue: str = ""
    volume: str = ""
    number: str = ""
    pages: str = ""
    arxiv: str = ""
    url: str = ""
    where: str = ""

    def at(self, where: str) -> "Paper":
        """Return the paper cited at a place: "section 4", "eq. 3", "table 1"."""
        return replace(self, where=where)

    def __str__(self) -> str:
        """Write "Gulrajani et al. 2017, eq. 3"."""
        surnames = [author.partition(",")[0] for author in self.authors.split(" and ")]
        who = " & ".join(surnames) if len(surnames) < 3 else f"{surnames[0]} et al."
        return f"{who} {self.year}{f', {self.where}' if self.where else ''}"

    def to_json(self) -> dict[str, str | int]:
        """Return what identifies the publication, as plan.json holds it: `Paper(**plain)` inverts it."""
        return {name: value for name, value in asdict(self).items() if value and name != "where"}

    def bibtex(self) -> str:
        """Return the BibTeX entry, in ASCII."""
        kind = ("article" if self.number else "inproceedings") if self.venue else "misc"
        fields = {
            "author": _ascii(self.authors),
            "title": _ascii(self.title),
            "journal" if self.number else "booktitle": self.venue,
            "year": str(self.year),
            "volume": self.volume,
            "number": self.number,
            "pages": self.pages,
            "eprint": self.arxiv,
            "archiveprefix": "arXiv" if self.arxiv else "",
            "howpublished": rf"\url{{{self.url}}}" if self.url else "",
        }
        return bibtex_entry(kind, self.key, fields)


def bibtex_entry(kind: str, key: str, fields: dict[str, str]) -> str:
    """Return `@kind{key, ...}` with the fields that are not empty."""
    lines = [f"  {name:<13} = {{{value}}}" for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{key},", ",\n".join(lines), "}"])


def _ascii(text: str) -> str:
    """Return text with the letters beyond ASCII as BibTeX spells them: {\\'e}."""
    spelled = []
    for letter in text:
        base, *accent = list(unicodedata.normalize("NFD", letter))
        spelled.append(f"{{\\{_ACCENTS[accent[0]]}{base}}}" if accent else _LETTERS.get(letter, letter))
    return "".join(spelled)


# By year.
_PAPERS = (
    Paper(
        "wilson1927", "Wilson, Edwin B.", 1927, "Probable Inference, the Law of Succession, and Statistical Inference",
        "Journal of the American Statistical Association", volume="22", number="158", pages="209--212",
    ),
    Paper(
        "wilcoxon1945", "Wilcoxon, Frank", 1945, "Individual Comparisons by Ranking Methods", "Biometrics Bulletin",
        volume="1", number="6", pages="80--83",
    ),
    Paper(
        "mcnemar1947", "McNemar, Quinn", 1947,
        "Note on the Sampling Error of the Difference between Correlated Proportions or Percentages", "Psychometrika",
        volume="12", number="2", pages="153--157",
    ),
    Paper(
        "holm1979", "Holm, Sture", 1979, "A Simple Sequentially Rejective Multiple Test Procedure",
        "Scandinavian Journal of Statistics", volume="6", number="2", pages="65--70",
    ),
    Paper(
        "samaria1994", "Samaria, Ferdinando S. and Harter, Andy C.", 1994,
        "Parameterisation of a Stochastic Model for Human Face Identification",
        "{IEEE} Workshop on Applications of Computer Vision", pages="138--142",
    ),
    Paper(
        "alpaydin1998", "Alpaydin, Ethem and Kaynak, Cenk", 1998, "Optical Recognition of Handwritten Digits",
        url="https://doi.org/10.24432/C50P49",
    ),
    Paper(
        "lecun1998", "LeCun, Yann and Bottou, Léon and Bengio, Yoshua and Haffner, Patrick", 1998,
        "Gradient-Based Learning Applied to Document Recognition", "Proceedings of the {IEEE}", volume="86",
        number="11", pages="2278--2324",
    ),
    Paper(
        "krizhevsky2009", "Krizhevsky, Alex", 2009, "Learning Multiple Layers of Features from Tiny Images",
        url="https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf",
    ),
    Paper(
        "goodfellow2014",
        "Goodfellow, Ian and Pouget-Abadie, Jean and Mirza, Mehdi and Xu, Bing and Warde-Farley, David and Ozair, "
        "Sherjil and Courville, Aaron and Bengio, Yoshua", 2014, "Generative Adversarial Nets", NEURIPS, volume="27",
    ),
    Paper(
        "bonneel2015", "Bonneel, Nicolas and Rabin, Julien and Peyré, Gabriel and Pfister, Hanspeter", 2015,
        "Sliced and {R}adon {W}asserstein Barycenters of Measures", "Journal of Mathematical Imaging and Vision",
        volume="51", number="1", pages="22--45",
    ),
    Paper(
        "simonyan2015", "Simonyan, Karen and Zisserman, Andrew", 2015,
        "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR, arxiv="1409.1556",
    ),
    Paper(
        "radford2016", "Radford, Alec and Metz, Luke and Chintala, Soumith", 2016,
        "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks", ICLR,
        arxiv="1511.06434",
    ),
    Paper(
        "salimans2016",
        "Salimans, Tim and Goodfellow, Ian and Zaremba, Wojciech and Cheung, Vicki and Radford, Alec and Chen, Xi",
        2016, "Improved Techniques for Training {GANs}", NEURIPS, volume="29",
    ),
    Paper(
        "metz2017", "Metz, Luke and Poole, Ben and Pfau, David and Sohl-Dickstein, Jascha", 2017,
        "Unrolled Generative Adversarial Networks", ICLR, arxiv="1611.02163",
    ),
    Paper(
        "arjovsky2017", "Arjovsky, Martin and Chintala, Soumith and Bottou, Léon", 2017,
        "{W}asserstein Generative Adversarial Networks", ICML, arxiv="1701.07875",
    ),
    Paper(
        "arjovsky2017a", "Arjovsky, Martin and Bottou, Léon", 2017,
        "Towards Principled Methods for Training Generative Adversarial Networks", ICLR, arxiv="1701.04862",
    ),
    Paper(
        "gulrajani2017",
        "Gulrajani, Ishaan and Ahmed, Faruk and Arjovsky, Martin and Dumoulin, Vincent and Courville, Aaron", 2017,
        "Improved Training of {W}asserstein {GANs}", NEURIPS, volume="30",
    ),
    Paper(
        "heusel2017",
        "Heusel, Martin and Ramsauer, Hubert and Unterthiner, Thomas and Nessler, Bernhard and Hochreiter, Sepp", 2017,
        "{GANs} Trained by a Two Time-Scale Update Rule Converge to a Local {N}ash Equilibrium", NEURIPS, volume="30",
    ),
    Paper(
        "kodali2017", "Kodali, Naveen and Abernethy, Jacob and Hays, James and Kira, Zsolt", 2017,
        "On Convergence and Stability of {GANs}", arxiv="1705.07215",
    ),
    Paper(
        "lim2017", "Lim, Jae Hyun and Ye, Jong Chul", 2017, "Geometric {GAN}", arxiv="1705.02894",
    ),
    Paper(
        "mao2017",
        "Mao, Xudong and Li, Qing and Xie, Haoran and Lau, Raymond Y. K. and Wang, Zhen and Smolley, Stephen Paul",
        2017, "Least Squares Generative Adversarial Networks", "{IEEE} International Conference on Computer Vision",
    ),
    Paper(
        "shrivastava2017",
        "Shrivastava, Ashish and Pfister, Tomas and Tuzel, Oncel and Susskind, Josh and Wang, Wenda and Webb, Russ",
        2017, "Learning from Simulated and Unsupervised Images through Adversarial Training",
        "{IEEE} Conference on Computer Vision and Pattern Recognition", arxiv="1612.07828",
    ),
    Paper(
        "sonderby2017",
        "Sønderby, Casper Kaae and Caballero, Jose and Theis, Lucas and Shi, Wenzhe and Huszár, Ferenc", 2017,
        "Amortised {MAP} Inference for Image Super-resolution", ICLR, arxiv="1610.04490",
    ),
    Paper(
        "xiao2017", "Xiao, Han and Rasul, Kashif and Vollgraf, Roland", 2017,
        "{Fashion-MNIST}: a Novel Image Dataset for Benchmarking Machine Learning Algorithms", arxiv="1708.07747",
    ),
    Paper(
        "binkowski2018", "Bińkowski, Mikołaj and Sutherland, Danica J. and Arbel, Michael and Gretton, Arthur", 2018,
        "Demystifying {MMD} {GANs}", ICLR, arxiv="1801.01401",
    ),
    Paper(
        "mescheder2018", "Mescheder, Lars and Geiger, Andreas and Nowozin, Sebastian", 2018,
        "Which Training Methods for {GANs} do actually Converge?", ICML, arxiv="1801.04406",
    ),
    Paper(
        "karras2018", "Karras, Tero and Aila, Timo and Laine, Samuli and Lehtinen, Jaakko", 2018,
        "Progressive Growing of {GANs} for Improved Quality, Stability, and Variation", ICLR, arxiv="1710.10196",
    ),
    Paper(
        "miyato2018", "Miyato, Takeru and Kataoka, Toshiki and Koyama, Masanori and Yoshida, Yuichi", 2018,
        "Spectral Normalization for Generative Adversarial Networks", ICLR, arxiv="1802.05957",
    ),
    Paper(
        "petzka2018", "Petzka, Henning and Fischer, Asja and Lukovnikov, Denis", 2018,
        "On the regularization of {W}asserstein {GANs}", ICLR, arxiv="1709.08894",
    ),
    Paper(
        "jolicoeurmartineau2019", "Jolicoeur-Martineau, Alexia", 2019,
        "The relativistic discriminator: a key element missing from standard {GAN}", ICLR, arxiv="1807.00734",
    ),
    Paper(
        "yazici2019",
        "Yazici, Yasin and Foo, Chuan-Sheng and Winkler, Stefan and Yap, Kim-Hui and Piliouras, Georgios and "
        "Chandrasekhar, Vijay", 2019, "The Unusual Effectiveness of Averaging in {GAN} Training", ICLR,
        arxiv="1806.04498",
    ),
    Paper(
        "kynkaanniemi2019",
        "Kynkäänniemi, Tuomas and Karras, Tero and Laine, Samuli and Lehtinen, Jaakko and Aila, Timo", 2019,
        "Improved Precision and Recall Metric for Assessing Generative Models", NEURIPS, volume="32",
    ),
    Paper(
        "akiba2019", "Akiba, Takuya and Sano, Shotaro and Yanase, Toshihiko and Ohta, Takeru and Koyama, Masanori",
        2019, "Optuna: A Next-generation Hyperparameter Optimization Framework",
        "{ACM} {SIGKDD} International Conference on Knowledge Discovery and Data Mining", pages="2623--2631",
    ),
    Paper(
        "chong2020", "Chong, Min Jin and Forsyth, David", 2020,
        "Effectively Unbiased {FID} and {I}nception Score and where to find them",
        "{IEEE/CVF} Conference on Computer Vision and Pattern Recognition", pages="6070--6079", arxiv="1911.07023",
    ),
    Paper(
        "naeem2020", "Naeem, Muhammad Ferjad and Oh, Seong Joon and Uh, Youngjung and Choi, Yunjey and Yoo, Jaejun",
        2020, "Reliable Fidelity and Diversity Metrics for Generative Models", ICML, arxiv="2002.09797",
    ),
    Paper(
        "obukhov2020",
        "Obukhov, Anton and Seitzer, Maximilian and Wu, Po-Wei and Zhydenko, Semen and Kyl, Jonathan and Lin, Elvis "
        "Yu-Jing", 2020, "High-fidelity performance metrics for generative models in {PyTorch}",
        url="https://github.com/toshas/torch-fidelity",
    ),
    Paper(
        "tang2020", "Tang, Raphael and Lee, Jaejun and Xin, Ji and Liu, Xinyu and Yu, Yaoliang and Lin, Jimmy", 2020,
        "Showing Your Work Doesn't Always Work", "Annual Meeting of the Association for Computational Linguistics",
        pages="2766--2772",
    ),
    Paper(
        "agarwal2021",
        "Agarwal, Rishabh and Schwarzer, Max and Castro, Pablo Samuel and Courville, Aaron C. and Bellemare, Marc",
        2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice", NEURIPS, volume="34",
    ),
    Paper(
        "flamary2021", "Flamary, Rémi and Courty, Nicolas and Gramfort, Alexandre and Alaya, Mokhtar Z. and others",
        2021, "{POT}: {P}ython Optimal Transport", "Journal of Machine Learning Research", volume="22", number="78",
        pages="1--8",
    ),
    Paper(
        "radford2021",
        "Radford, Alec and Kim, Jong Wook and Hallacy, Chris and Ramesh, Aditya and Goh, Gabriel and Agarwal, Sandhini "
        "and others", 2021, "Learning Transferable Visual Models From Natural Language Supervision", ICML,
        arxiv="2103.00020",
    ),
    Paper(
        "alaa2022", "Alaa, Ahmed M. and van Breugel, Boris and Saveliev, Evgeny and van der Schaar, Mihaela", 2022,
        "How Faithful is your Synthetic Data? {S}ample-level Metrics for Evaluating and Auditing Generative Models",
        ICML, arxiv="2102.08921",
    ),
    Paper(
        "friedman2023", "Friedman, Dan and Dieng, Adji Bousso", 2023,
        "The {V}endi Score: A Diversity Evaluation Metric for Machine Learning",
        "Transactions on Machine Learning Research", arxiv="2210.02410",
    ),
    Paper(
        "stein2023",
        "Stein, George and Cresswell, Jesse C. and Hosseinzadeh, Rasa and Sui, Yi and Ross, Brendan Leigh and "
        "Villecroze, Valentin and Liu, Zhaoyan and Caterini, Anthony L. and Taylor, J. Eric T. and Loaiza-Ganem, "
        "Gabriel",
        2023, "Exposing flaws of generative model evaluation metrics and their unfair treatment of diffusion models",
        NEURIPS, volume="36", arxiv="2306.04675",
    ),
    Paper(
        "watanabe2023", "Watanabe, Shuhei and Bansal, Archit and Hutter, Frank", 2023,
        "{PED-ANOVA}: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces",
        "International Joint Conference on Artificial Intelligence", pages="4389--4396", arxiv="2304.10255",
    ),
    Paper(
        "jayasumana2024",
        "Jayasumana, Sadeep and Ramalingam, Srikumar and Veit, Andreas and Glasner, Daniel and Chakrabarti, Ayan and "
        "Kumar, Sanjiv", 2024, "Rethinking {FID}: Towards a Better Evaluation Metric for Image Generation",
        "{IEEE/CVF} Conference on Computer Vision and Pattern Recognition", arxiv="2401.09603",
    ),
    Paper(
        "huang2024", "Huang, Yiwen and Gokaslan, Aaron and Kuleshov, Volodymyr and Tompkin, James", 2024,
        "The {GAN} is dead; long live the {GAN}! {A} Modern {GAN} Baseline", NEURIPS, volume="37", arxiv="2501.05441",
    ),
    Paper(
        "oquab2024", "Oquab, Maxime and Darcet, Timothée and Moutakanni, Théo and Vo, Huy V. and others", 2024,
        "{DINOv2}: Learning Robust Visual Features without Supervision",
        "Transactions on Machine Learning Research", arxiv="2304.07193",
    ),
)  # fmt: skip
PAPERS: dict[str, Paper] = {paper.key: paper for paper in _PAPERS}


def cited(papers: Iterable[Paper]) -> str:
    """Write "Lim & Ye 2017; Miyato et al. 2018, eq. 16"."""
    return "; ".join(map(str, papers))
