"""InceptionV3: what is said where its weights are missing or none, and how grey images are shown."""

import numpy as np
import pytest
import torch

from harness.datasets.torchvision_repair import mend
from harness.errors import DataError
from harness.metrics.extractors import inception


def test_missing_weights_are_said_in_a_sentence_with_where_to_put_them(monkeypatch, tmp_path):
    monkeypatch.setenv(inception.VARIABLE, str(tmp_path / "none.pth"))
    place = tmp_path / "none.pth"
    said = f"its weights are not on this machine ({place} is no file): download https://github.com/"
    assert inception.missing().startswith(said)
    with pytest.raises(DataError, match="extractor inception: its weights"):
        inception.build()


def test_a_file_that_is_no_weights_is_named(monkeypatch, tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"no weights")
    monkeypatch.setenv(inception.VARIABLE, str(path))
    assert (
        inception.missing()
        == f"{path}: no weights of torch-fidelity's InceptionV3 (UnpicklingError); download {inception.URL}"
    )
    with pytest.raises(DataError, match=r"weights\.pth: no weights"):
        inception.build()


def test_pictures_are_shown_in_three_colours():
    grey, two, four = (torch.arange(n * 16, dtype=torch.uint8).reshape(1, n, 4, 4) for n in (1, 2, 4))
    assert torch.equal(inception.coloured(grey), torch.cat([grey] * 3, 1))
    assert torch.equal(inception.coloured(four), four[:, :3])
    assert torch.equal(inception.coloured(two)[:, :2], two)
    assert inception.coloured(two)[:, 2].abs().sum() == 0


@pytest.mark.slow
def test_a_file_of_weights_gives_torch_fidelitys_features(monkeypatch, tmp_path):
    """Weights drawn here: its class needs a file, so that the first one is made without."""
    mend()
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3 as Inception

    with monkeypatch.context() as patch:
        patch.setattr(torch, "load", lambda *args, **kwargs: {})
        patch.setattr(Inception, "load_state_dict", lambda self, state: None)
        torch.manual_seed(0)
        net = Inception("inception-v3-compat", ["2048"], "none")
    path = tmp_path / "weights.pth"
    torch.save(net.state_dict(), path)
    monkeypatch.setenv(inception.VARIABLE, str(path))
    grey = torch.randint(0, 256, (2, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    features, _ = inception.build().look(grey)
    assert features.shape == (2, 2048)
    torch.testing.assert_close(features, net(grey.expand(-1, 3, -1, -1).contiguous())[0], rtol=0, atol=0)
    assert inception.missing() == ""
    known = inception.build().weights
    torch.testing.assert_close(inception.restored(known).look(grey)[0], features, rtol=0, atol=0)
    with pytest.raises(DataError, match="is not the file"):
        inception.restored({"file": np.array("another")})
