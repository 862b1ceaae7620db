"""Networks from files of published weights: here of weights drawn for the test, in the published form."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from harness.commands.list import catalogue
from harness.datasets.torchvision_repair import mend
from harness.errors import DataError, SuiteError
from harness.metrics.extractors import EXTRACTORS, extractor_of, kind_of, published, restored
from harness.metrics.extractors.dinov2 import dinov2
from harness.suite.load import load_suite

RNG = torch.Generator().manual_seed(0)
GREY = torch.randint(0, 256, (3, 1, 16, 16), dtype=torch.uint8, generator=RNG)
COLOURED = GREY.expand(-1, 3, -1, -1).contiguous()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(published.FOLDER, str(tmp_path))
    yield tmp_path
    published._network.cache_clear()


def drawn(width, depth, side, swiglu=False):
    """Weights of DINOv2 in their published form, of any size, with patches of 14 pixels."""

    def layer(name, out, into):
        return {f"{name}.weight": torch.randn(out, into, generator=RNG) / into**0.5, f"{name}.bias": vector(out)}

    def vector(n, mean=0.0):
        return mean + 0.1 * torch.randn(n, generator=RNG)

    def norm(name):
        return {f"{name}.weight": vector(width, 1.0), f"{name}.bias": vector(width)}

    state = {
        "cls_token": vector(width).reshape(1, 1, width),
        "pos_embed": torch.randn(1, 1 + side**2, width, generator=RNG),
        "mask_token": torch.zeros(1, width),
        "patch_embed.proj.weight": 0.1 * torch.randn(width, 3, 14, 14, generator=RNG),
        "patch_embed.proj.bias": vector(width),
        **norm("norm"),
    }
    for i in range(depth):
        block = f"blocks.{i}."
        state |= norm(f"{block}norm1") | norm(f"{block}norm2")
        state |= layer(f"{block}attn.qkv", 3 * width, width) | layer(f"{block}attn.proj", width, width)
        state |= {f"{block}ls1.gamma": vector(width, 0.5), f"{block}ls2.gamma": vector(width, 0.5)}
        if swiglu:
            state |= layer(f"{block}mlp.w12", 4 * width, width) | layer(f"{block}mlp.w3", width, 2 * width)
        else:
            state |= layer(f"{block}mlp.fc1", 4 * width, width) | layer(f"{block}mlp.fc2", width, 4 * width)
    return state


def test_dinov2_is_torchs_encoder_with_scaled_branches():
    """Layer scale is a factor of the rows of each branch's last layer."""
    width, side = 128, 4
    state = drawn(width, 2, side)
    layers = []
    for i in range(2):
        layer = nn.TransformerEncoderLayer(
            width, width // 64, 4 * width, 0.0, F.gelu, 1e-6, batch_first=True, norm_first=True
        ).eval()
        block = {name.removeprefix(f"blocks.{i}."): x for name, x in state.items()}
        names = {"norm1": "norm1", "norm2": "norm2", "mlp.fc1": "linear1", "mlp.fc2": "linear2"}
        own = {f"{n}.{p}": block[f"{old}.{p}"] for old, n in names.items() for p in ("weight", "bias")}
        own |= {f"self_attn.in_proj_{p}": block[f"attn.qkv.{p}"] for p in ("weight", "bias")}
        own |= {f"self_attn.out_proj.{p}": block[f"attn.proj.{p}"] for p in ("weight", "bias")}
        for last, gamma in (("self_attn.out_proj", "ls1"), ("linear2", "ls2")):
            own[f"{last}.weight"] = block[f"{gamma}.gamma"][:, None] * own[f"{last}.weight"]
            own[f"{last}.bias"] = block[f"{gamma}.gamma"] * own[f"{last}.bias"]
        layer.load_state_dict(own)
        layers.append(layer)
    images = torch.randn(2, 3, 14 * side, 14 * side, generator=RNG)
    patches = F.unfold(images, 14, stride=14).mT  # [n, patches, 3 * 14 * 14]
    tokens = patches @ state["patch_embed.proj.weight"].flatten(1).T + state["patch_embed.proj.bias"]
    x = torch.cat([state["cls_token"].expand(2, -1, -1), tokens], 1) + state["pos_embed"]
    with torch.no_grad():
        for layer in layers:
            x = layer(x)
    expected = F.layer_norm(x[:, 0], (width,), state["norm.weight"], state["norm.bias"], 1e-6)
    torch.testing.assert_close(dinov2(state, images), expected, rtol=1e-4, atol=1e-4)


def test_positions_are_resized_to_the_images_grid():
    state = drawn(64, 1, 5)
    assert dinov2(state, torch.randn(2, 3, 28, 42, generator=RNG)).shape == (2, 64)
    even = {**state, "pos_embed": state["pos_embed"][:, :1].expand(-1, 26, -1)}  # of one value everywhere
    other = {**state, "pos_embed": state["pos_embed"][:, :1].expand(-1, 5, -1)}
    images = torch.randn(2, 3, 28, 28, generator=RNG)
    torch.testing.assert_close(dinov2(even, images), dinov2(other, images), rtol=1e-4, atol=1e-4)
    assert dinov2(drawn(64, 1, 2, swiglu=True), images).isfinite().all()


def test_a_file_of_dinov2_gives_its_features(folder):
    state = drawn(384, 1, 37)
    torch.save(state, folder / "dinov2_vits14_pretrain.pth")
    kind = EXTRACTORS["dinov2-vit-s-14"]
    assert kind.needs(None) == ""
    features, scores = kind.build(None).look(GREY)
    assert (features.shape, features.dtype, scores) == ((3, 384), torch.float32, None)
    coloured, _ = kind.build(None).look(COLOURED)
    torch.testing.assert_close(features, coloured, rtol=0, atol=0)
    black = kind.build(None).look(torch.zeros(1, 3, 20, 20, dtype=torch.uint8))[0]
    values = -torch.tensor(published.MEAN) / torch.tensor(published.SD)
    torch.testing.assert_close(black, dinov2(state, values.reshape(1, 3, 1, 1).expand(1, 3, 224, 224)))
    torch.save(drawn(384, 1, 37), folder / "dinov2_vitb14_pretrain.pth")
    assert "features [1, 384] of an image, where [1, 768] are" in EXTRACTORS["dinov2-vit-b-14"].needs(None)


@pytest.mark.slow
def test_a_file_of_torchvision_gives_the_input_of_the_last_layer_and_scores(folder):
    mend()
    from torchvision import models

    torch.manual_seed(0)
    net = models.resnet18().eval()
    weights = models.ResNet18_Weights.IMAGENET1K_V1
    torch.save(net.state_dict(), folder / weights.url.rpartition("/")[2])
    for name in ("torchvision-resnet18", "torchvision-resnet18-IMAGENET1K_V1"):
        kind = kind_of(name)
        assert (kind.distance, kind.gives_scores, kind.needs(None)) == ("fd", True, "")
        features, scores = kind.build(None).look(GREY)
        shown = F.interpolate(COLOURED.float(), (224, 224), mode="bilinear", antialias=True) / 255
        mean, sd = (torch.tensor(x).reshape(3, 1, 1) for x in (weights.transforms().mean, weights.transforms().std))
        with torch.no_grad():
            expected = net((shown - mean) / sd)
        torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(net.fc(features), expected, rtol=1e-4, atol=1e-4)
    extractor = extractor_of("torchvision-resnet18", "digits", {})
    assert extractor.look(GREY.numpy()).features.shape == (3, 512)
    assert restored("torchvision-resnet18", extractor.ready.weights, ()).digest == extractor.digest
    with pytest.raises(DataError, match="not those that the reference"):
        restored("torchvision-resnet18", {"file": np.array("another")}, ())


def test_every_network_is_in_the_list_with_what_it_is():
    entries = {entry.name: entry.summary for entry in catalogue("extractors")}
    assert {"inception", "torchvision-MODEL", *published.PUBLISHED} <= set(entries)
    assert "768 features" in entries["dinov2-vit-b-14"]


@pytest.mark.parametrize("name", ["torchvision-resnet19", "torchvision-resnet18-V9", "torchvision-", "resnet18"])
def test_what_torchvision_does_not_have_is_unknown(name):
    assert kind_of(name) is None


@pytest.mark.slow
def test_files_are_those_that_torchvision_and_torch_fidelity_download():
    mend()
    from torch_fidelity.feature_extractor_clip import MODEL_URLS
    from torchvision import models

    for name, network in published.PUBLISHED.items():
        if name.startswith("clip"):
            assert network.url == MODEL_URLS[name]
    assert published.PUBLISHED["vgg16"].url == models.VGG16_Weights.IMAGENET1K_V1.url
    for model in models.list_models(module=models):
        network = published.torchvision_network(f"torchvision-{model}")
        assert network.url.endswith(network.file)


def test_a_file_of_vgg16_gives_its_second_hidden_layer(folder, monkeypatch):
    """With narrower layers before that: torchvision's own have 138 million weights."""
    mend()
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x as resize
    from torchvision import models

    class Narrow(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(nn.Conv2d(3, 8, 32, 32), nn.ReLU(), nn.AvgPool2d(7), nn.Flatten())
            hidden = nn.Linear(8, 16), nn.ReLU(), nn.Dropout(), nn.Linear(16, 4096), nn.ReLU(), nn.Dropout()
            self.classifier = nn.Sequential(*hidden, nn.Linear(4096, 10))

        def forward(self, x):
            return self.classifier(self.features(x))

    monkeypatch.setattr(models, "vgg16", Narrow)
    torch.manual_seed(0)
    net = Narrow().eval()
    torch.save(net.state_dict(), folder / "vgg16-397923af.pth")
    assert EXTRACTORS["vgg16"].needs(None) == ""
    features, _ = EXTRACTORS["vgg16"].build(None).look(GREY)
    mean, sd = (torch.tensor(x).reshape(3, 1, 1) for x in (published.MEAN, published.SD))
    with torch.no_grad():
        values = (resize(COLOURED.float(), size=(224, 224), align_corners=False) / 255 - mean) / sd
        expected = net.classifier[:5](net.features(values))
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-5)
    assert features.shape == (3, 4096)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_file_of_clip_gives_torch_fidelitys_features(folder):
    """OpenAI's form, a TorchScript archive in half precision, of a transformer with one narrow layer."""
    mend()
    from torch_fidelity.feature_extractor_clip import CLIPVisual, FeatureExtractorCLIP, convert_weights

    torch.manual_seed(0)

    class Archive(nn.Module):
        def __init__(self):
            super().__init__()
            self.visual = CLIPVisual(512, 64, 1, 64, 32).visual
            self.text_projection = nn.Parameter(torch.zeros(4, 512))

        def forward(self, x):
            return x

    archive = Archive()
    convert_weights(archive)
    path = folder / "ViT-B-32.pt"
    torch.jit.save(torch.jit.trace(archive, torch.zeros(1)), str(path))
    assert EXTRACTORS["clip-vit-b-32"].needs(None) == ""
    features, _ = EXTRACTORS["clip-vit-b-32"].build(None).look(GREY)
    theirs = FeatureExtractorCLIP("clip-vit-b-32", ["clip"], str(path))(COLOURED)[0]
    torch.testing.assert_close(features, theirs, rtol=0, atol=0)
    assert features.shape == (3, 512)


@pytest.mark.parametrize("name", [*published.PUBLISHED, "torchvision-resnet18"])
def test_missing_and_wrong_files_are_a_sentence_before_training(folder, name):
    suite = (
        "version: 1\nname: looked\nquestion: Is the file there?\nseeds: 1\nprimary: {images: fd}\n"
        f"train: {{steps: 2, batch: 8}}\nscore: {{at: 1, samples: 20, extractors: ['{name}']}}\n"
        "matrix: [{dataset: digits, architecture: mlp, objective: gan}]\n"
    )
    network = published.PUBLISHED.get(name) or published.torchvision_network(name)
    with pytest.raises(SuiteError, match="cannot look at 'digits': its weights are not on this machine") as caught:
        load_suite(suite)
    assert len(caught.value.problems) == 1
    assert network.url in str(caught.value)
    (folder / network.file).write_bytes(b"no weights")
    with pytest.raises(SuiteError, match="not the weights that https") as caught:
        load_suite(suite)
    assert len(caught.value.problems) == 1
    torch.save({"layer": torch.zeros(3)}, folder / network.file)
    with pytest.raises(SuiteError, match="not the weights that https"):
        load_suite(suite)
