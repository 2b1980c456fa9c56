"""The authors' layout: its files are made here, by its description and not by what is tested."""

import contextlib
import io
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diagnose.errors import InputError
from diagnose.training.aligner import AlignerConfig, load, read, write
from tests.training.aligner.tiny import HEADS, LAYERS, WIDTH, adapted, answered, base, words


def released(tokens=3, width=WIDTH, layers=LAYERS, heads=HEADS, first=2):
    """Return a dictionary as the authors' training loop left it behind."""
    draw = torch.Generator().manual_seed(5)
    embedding = torch.randn(tokens, width, generator=draw).to(torch.bfloat16)
    held = {"global_value_embedding.weight": embedding}
    for at in range(first, layers):
        gate = torch.randn(1, heads, 1, 1, generator=draw).to(torch.bfloat16)
        held[f"transformer.h.{at}.attn.gating_factor"] = gate
        held[f"transformer.h.{at}.attn.adapter_wte.weight"] = embedding
    return held


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "adapter.pth"
    torch.save(released(), path)
    return path


@pytest.mark.parametrize(("tokens", "published"), [(1, 5_056), (10, 41_920)])
def test_a_file_for_llama_7b_is_read_whole(tmp_path, tokens, published):
    torch.save(released(tokens, 4096, 32, 32), tmp_path / "adapter.pth")
    one = read(tmp_path / "adapter.pth")
    assert one.parameters == published
    assert (one.embedding.shape, one.gates.shape, one.first_layer) == ((tokens, 4096), (30, 32), 2)
    assert one.embedding.dtype == one.gates.dtype == torch.float32
    assert one.config() == AlignerConfig(
        num_tokens=tokens, hidden_size=4096, num_layers=32, num_heads=32
    )


def test_loaded_it_is_the_adapter_of_those_numbers(family, file):
    model = load(base(family), file)
    by_hand = adapted(base(family), opened=False)
    held = released()
    with torch.no_grad():
        for name, weight in by_hand.named_parameters():
            if "aligner_embedding" in name:
                weight.copy_(held["global_value_embedding.weight"])
            if "aligner_gate" in name:
                at = name.split(".layers.")[1].split(".")[0]
                weight.copy_(held[f"transformer.h.{at}.attn.gating_factor"].flatten())
    assert torch.equal(answered(model, words()), answered(by_hand, words()))
    with model.disable_adapter():
        assert not torch.allclose(answered(model, words()), answered(by_hand, words()), atol=1e-2)


def test_another_may_be_loaded_beside_one(file):
    model = adapted(base("llama"), tokens=1)
    before = answered(model, words())
    assert load(model, file, "authors") is model
    assert torch.equal(answered(model, words()), before)
    model.set_adapter("authors")
    assert torch.equal(answered(model, words()), answered(load(base("llama"), file), words()))


@pytest.mark.parametrize("first", [0, 2, 3])
def test_written_and_read_it_is_the_same_to_the_bit(family, tmp_path, first):
    model = adapted(base(family), first_layer=first)
    write(model, tmp_path / "adapter.pth")
    again = load(base(family), tmp_path / "adapter.pth")
    assert again.peft_config["default"].first_layer == first
    assert torch.equal(answered(again, words()), answered(model, words()))


def test_what_is_written_is_the_authors_layout(tmp_path, file):
    model = load(base("llama"), file, "authors")
    write(model, tmp_path / "again.pth", "authors", torch.bfloat16)
    again = torch.load(tmp_path / "again.pth", weights_only=True)
    assert again.keys() == released().keys()
    assert all(torch.equal(again[name], one) for name, one in released().items())
    with pytest.raises(InputError, match="authors"):
        write(model, tmp_path / "again.pth", "default")


@pytest.mark.parametrize(
    ("shape", "field", "received"),
    [
        ({"width": 48}, "hidden_size", 48),
        ({"layers": 5}, "num_layers", 5),
        ({"layers": 3}, "num_layers", 3),
        ({"heads": 8}, "num_heads", 8),
    ],
)
def test_a_file_for_another_model_is_refused_untouched(tmp_path, shape, field, received):
    torch.save(released(**shape), tmp_path / "adapter.pth")
    model = base("llama")
    before = [type(module) for module in model.modules()]
    with pytest.raises(InputError, match="made for") as refused:
        load(model, tmp_path / "adapter.pth")
    assert (refused.value.field, refused.value.received) == (field, received)
    assert [type(module) for module in model.modules()] == before


def _changed(name, change):
    held = released()
    held[name] = change(held[name])
    return held


GATE = "transformer.h.3.attn.gating_factor"
COPY = "transformer.h.3.attn.adapter_wte.weight"
EMBEDDING = "global_value_embedding.weight"


@pytest.mark.parametrize(
    ("held", "named", "says"),
    [
        ({k: v for k, v in released().items() if k != COPY}, COPY, "missing"),
        ({k: v for k, v in released().items() if k != EMBEDDING}, EMBEDDING, "missing"),
        ({k: v for k, v in released(layers=5).items() if k != GATE}, GATE, "missing"),
        ({EMBEDDING: torch.ones(1, 4)}, "transformer.h.2.attn.gating_factor", "missing"),
        ({}, EMBEDDING, "missing"),
        (released() | {"transformer.h.1.attn.bias": torch.ones(2)}, "h.1.attn.bias", "no such"),
        (_changed(COPY, lambda one: one + 1), COPY, "share one embedding"),
        (_changed(COPY, lambda one: one[:1]), COPY, "share one embedding"),
        (_changed(GATE, lambda one: one[:, :2]), GATE, "as many heads"),
        (_changed(GATE, lambda one: one.flatten()), GATE, "1 x heads x 1 x 1"),
        (_changed(EMBEDDING, lambda one: one[0]), EMBEDDING, "tokens x width"),
        (_changed(GATE, lambda one: one * torch.nan), GATE, "finite"),
        (_changed(GATE, lambda one: one.to(torch.int8)), GATE, "floating-point"),
        (_changed(GATE, lambda one: one[:, :1].expand(1, HEADS, 1, 1)), GATE, "contiguous"),
        (_changed(GATE, lambda one: one.to_sparse()), GATE, "contiguous"),
        (_changed(GATE, lambda one: one.to("meta")), GATE, "contiguous"),
        (_changed(GATE, lambda _: "open"), GATE, "dict of tensors"),
        (released() | {7: torch.ones(1)}, "7", "dict of tensors"),
        ([torch.ones(1)], "list", "dict of tensors"),
    ],
)
def test_a_faulty_file_is_refused_by_name(tmp_path, held, named, says):
    torch.save(held, tmp_path / "adapter.pth")
    with pytest.raises(InputError, match=says) as refused:
        read(tmp_path / "adapter.pth")
    assert named in f"{refused.value.field} {refused.value.received}"


class Runs:
    def __reduce__(self):
        return (print, ("a pickle was run",))


@pytest.mark.parametrize("how", [pickle.dump, torch.save])
def test_a_pickle_that_needs_more_than_tensors_is_not_run(tmp_path, capsys, how):
    with (tmp_path / "adapter.pth").open("wb") as out:
        how(released() | {"more": Runs()}, out)
    with pytest.raises(InputError, match="more than tensors"):
        read(tmp_path / "adapter.pth")
    assert "a pickle was run" not in capsys.readouterr().out


@pytest.mark.parametrize("cut", [0, 1, 20, 400, -300])
def test_a_damaged_file_is_refused(file, cut):
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(InputError):
        read(file)


def test_no_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="can be read"):
        read(tmp_path / "none.pth")
    with pytest.raises(InputError):
        read(tmp_path)


def _bytes_of(zipped):
    held = io.BytesIO()
    torch.save(released(), held, _use_new_zipfile_serialization=zipped)
    return held.getvalue()


WHOLE = {zipped: _bytes_of(zipped) for zipped in (True, False)}


@given(st.booleans(), st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1))
def test_changed_bytes_are_read_or_refused(tmp_path_factory, zipped, changes):
    content = bytearray(WHOLE[zipped])
    for at, byte in changes:
        content[at % len(content)] = byte
    path = tmp_path_factory.getbasetemp() / "changed.pth"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        read(path)
