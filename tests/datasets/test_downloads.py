"""Data sets of others, from small files in their real formats; what is missing, torn or foreign is a sentence."""

import gzip
import hashlib
import io
import pickle
import shutil
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles import GREY, idx, write_grey

from harness.datasets import DATASETS, downloads
from harness.datasets.torchvision_repair import mend
from harness.errors import DataError


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    return tmp_path


def load(name, **settings):
    """Read anew: a process keeps what it has read."""
    source = {"mnist": downloads.MNIST, "fashion-mnist": downloads.FASHION, "cifar10": downloads.CIFAR10}[name]
    return source.load({**DATASETS[name].setup, **settings})


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_idx_files_are_read_as_they_are(root, name, folder):
    write_grey(root / folder / "raw")
    found = load(name)
    assert np.array_equal(found.train[:, 0], GREY["train"][0])
    assert np.array_equal(found.held_out[:, 0], GREY["t10k"][0])
    assert found.held_labels.tolist() == GREY["t10k"][1].tolist()
    assert len(found.classes) == 10


def test_other_sizes_and_classes(root):
    write_grey(root / "MNIST/raw")
    padded = load("mnist", size=32).train
    assert np.array_equal(padded[:, 0, 2:-2, 2:-2], GREY["train"][0])
    assert padded.float().sum() == GREY["train"][0].sum()
    small = load("mnist", size=16).train
    assert small.shape == (40, 1, 16, 16)
    assert small.float().mean() == pytest.approx(GREY["train"][0].mean(), abs=2)
    part = load("mnist", classes=[0, 3])
    assert np.array_equal(part.train[:, 0], GREY["train"][0][np.isin(GREY["train"][1], [0, 3])])
    assert part.train_labels.tolist() == [0, 1] * 4
    assert part.classes == ("0", "3")


def write_colour(root, monkeypatch):
    """Write five batches and a test batch, pickled as the publisher's; torchvision knows them by their checksums."""
    mend()
    from torchvision.datasets import CIFAR10

    folder, data = root / "cifar-10-batches-py", {}
    folder.mkdir()
    for i, (name, _) in enumerate(CIFAR10.train_list + CIFAR10.test_list):
        values = np.random.default_rng(i).integers(0, 256, (6, 3072), dtype=np.uint8)
        data[name] = values.reshape(6, 3, 32, 32)
        (folder / name).write_bytes(pickle.dumps({"data": values, "labels": [i, 9, 0, 1, 2, 3]}))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list(downloads.CIFAR10.classes)}))
    sums = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    for part in ("train_list", "test_list"):
        monkeypatch.setattr(CIFAR10, part, [[name, sums[name]] for name, _ in getattr(CIFAR10, part)])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": sums["batches.meta"]})
    return data


def test_pickled_batches_are_read_as_they_are(root, monkeypatch):
    data = write_colour(root, monkeypatch)
    found = load("cifar10")
    assert np.array_equal(found.train, np.concatenate([data[f"data_batch_{i}"] for i in range(1, 6)]))
    assert np.array_equal(found.held_out, data["test_batch"])
    assert torch.equal(found.held_labels, torch.tensor([5, 9, 0, 1, 2, 3]))
    assert load("cifar10", size=16).train.shape == (30, 3, 16, 16)
    (root / "cifar-10-batches-py/test_batch").write_bytes(b"torn")
    with pytest.raises(DataError, match=r"read as CIFAR10"):
        load("cifar10")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_a_missing_one_says_what_to_put_where(root, name):
    with pytest.raises(DataError) as error:
        load(name)
    assert f"`harness data {name} --from DIR`" in str(error.value)
    assert str(root) in str(error.value)
    assert "\n" not in str(error.value)


def test_only_what_is_missing_is_named(root):
    write_grey(root / "MNIST/raw")
    (root / "MNIST/raw/t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"have t10k-labels-idx1-ubyte, "):
        load("mnist")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("train-images-idx3-ubyte", b""),
        ("train-images-idx3-ubyte", idx(GREY["train"][0])[:-5]),
        ("train-images-idx3-ubyte", b"<html>not found</html>"),
        ("train-images-idx3-ubyte", idx(GREY["train"][0][:, :14])),
        ("train-labels-idx1-ubyte", idx(GREY["train"][1][:-1])),
        ("train-labels-idx1-ubyte", idx(GREY["train"][1] + 7)),
        ("t10k-images-idx3-ubyte", idx(GREY["train"][0][:0])),
    ],
)
def test_a_torn_or_foreign_file_is_a_sentence(root, file, content):
    write_grey(root / "MNIST/raw")
    (root / "MNIST/raw" / file).write_bytes(content)
    with pytest.raises(DataError, match=r"MNIST/raw: .*`harness data mnist`") as error:
        load("mnist")
    assert "\n" not in str(error.value)


def test_a_download_that_fails_says_what_to_put_where(root, monkeypatch):
    def offline(*arguments, **options):
        raise OSError("Name or service")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", offline)
    with pytest.raises(DataError, match=r"cannot be fetched .Name or"):
        DATASETS["mnist"].fetch()


def published(folder):
    """Write GREY as MNIST's files are named; return a Download that knows them by their content."""
    write_grey(folder)
    md5s = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    return replace(downloads.MNIST, files=md5s)


@pytest.mark.parametrize("packed", ["plain", "gzipped", "dots", "tar"])
def test_files_are_taken_from_wherever_they_lie_by_their_content(root, tmp_path_factory, packed):
    """Beside files of the same names that hold something else, as Fashion-MNIST's do."""
    source = tmp_path_factory.mktemp("downloads")
    mine = source / "some/where"
    download = published(mine)
    write_grey(source / "FashionMNIST", times=2)
    (source / "x").mkdir()
    (source / "x/train-images-idx3-ubyte.gz").write_bytes(b"torn")
    for path in sorted(mine.iterdir()):
        if packed == "gzipped":
            (mine / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        elif packed == "dots":
            path.rename(mine / path.name.replace("-idx", ".idx"))
            continue
        elif packed == "tar":
            with tarfile.open(source / "mnist.tar", "a") as archive:
                content = path.read_bytes()
                member = tarfile.TarInfo(f"../{path.name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        if packed != "plain":
            path.unlink()
    download.take(str(source))
    found = download.load(DATASETS["mnist"].setup)
    assert np.array_equal(found.train[:, 0], GREY["train"][0])
    assert {path.name for path in (root / "MNIST/raw").iterdir()} == set(download.files)


def test_what_is_not_there_is_named(root, tmp_path_factory):
    source = tmp_path_factory.mktemp("downloads")
    download = published(source / "raw")
    (source / "raw/t10k-labels-idx1-ubyte").write_bytes(b"other")
    with pytest.raises(DataError, match=r"no t10k-labels-idx1-ubyte of mnist .*\(1 file "):
        download.take(str(source))
    shutil.rmtree(source)
    with pytest.raises(DataError, match=str(source)):
        download.take(str(source))


def test_torchvision_knows_cifar_by_the_same_checksums():
    mend()
    from torchvision.datasets import CIFAR10

    parts = [*CIFAR10.train_list, *CIFAR10.test_list, (CIFAR10.meta["filename"], CIFAR10.meta["md5"])]
    assert dict(map(tuple, parts)) == downloads.CIFAR_FILES
