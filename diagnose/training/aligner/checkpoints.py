"""The layout that the Aligner authors released their adapters in, read and written.

A dictionary of tensors: ``global_value_embedding.weight`` (N x d); for each layer that attends,
``transformer.h.{l}.attn.gating_factor`` (1 x H x 1 x 1) and, under ``attn.adapter_wte.weight``, the
embedding once more. Source: the checkpoints of github.com/mytemporalaccount/Aligner, bfloat16.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from peft import PeftModel, get_peft_model

from diagnose.errors import InputError
from diagnose.training.aligner.config import AlignerConfig, fitted
from diagnose.training.aligner.layer import AlignerLayer

EMBEDDING = "global_value_embedding.weight"
GATE = "transformer.h.{}.attn.gating_factor"
COPY = "transformer.h.{}.attn.adapter_wte.weight"
_GATE = re.compile(re.escape(GATE).replace(r"\{\}", r"(\d{1,4})"))

# What torch was seen to raise on bytes changed at random.
DAMAGES = (
    *(RuntimeError, EOFError, ValueError, TypeError, KeyError, IndexError),
    *(AttributeError, AssertionError, MemoryError, OverflowError),
)


@dataclass(frozen=True, eq=False)
class Released:
    """An adapter of that layout, in float32.

    Attributes:
        embedding: Shape: (tokens, width).
        gates: Of the layers from ``first_layer`` to the model's last. Shape: (layers, heads).
        first_layer: Counted from 0.
    """

    embedding: torch.Tensor
    gates: torch.Tensor
    first_layer: int

    @property
    def parameters(self) -> int:
        """Numbers that were trained."""
        return int(self.embedding.numel() + self.gates.numel())

    def config(self) -> AlignerConfig:
        """Return the configuration that this adapter belongs to."""
        layers, heads = self.gates.shape
        return AlignerConfig(
            num_tokens=self.embedding.shape[0],
            first_layer=self.first_layer,
            hidden_size=self.embedding.shape[1],
            num_layers=self.first_layer + layers,
            num_heads=heads,
        )


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return what the file holds, which may be tensors by name and nothing else."""
    try:
        with warnings.catch_warnings():
            # Of a pickle protocol that torch does not write; what follows says more.
            warnings.simplefilter("ignore")
            held: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(str(path), type(error).__name__, "give a file that can be read") from error
    except UnpicklingError as error:
        remedy = (
            "the file needs more than tensors to be read, which could run code: save a plain dict"
        )
        raise InputError(str(path), str(error).split("\n", 1)[0], remedy) from error
    except DAMAGES as error:
        remedy = "this is no file of torch.save, or a damaged one: fetch it again"
        raise InputError(str(path), type(error).__name__, remedy) from error
    if not isinstance(held, Mapping):
        raise InputError(str(path), type(held).__name__, "save a dict of tensors by name")
    for name, tensor in held.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise InputError(str(name), type(tensor).__name__, "save a dict of tensors by name")
        # A view may claim more numbers than the file holds; a tensor on no device holds none.
        if tensor.layout != torch.strided or tensor.is_meta or not tensor.is_contiguous():
            raise InputError(name, str(tensor.layout), "save plain contiguous tensors")
        if not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
            raise InputError(name, str(tensor.dtype), "weights are finite floating-point numbers")
    return {name: tensor.float() for name, tensor in held.items()}


def read(path: str | Path) -> Released:
    """Return the adapter in a file of the authors' layout.

    Raises:
        InputError: The file is damaged, needs more than tensors, or a tensor is missing, left over,
            of the wrong shape, or, a layer's copy of the embedding, another than it.
    """
    held = _tensors(Path(path))
    layers = sorted(int(found[1]) for name in held if (found := _GATE.fullmatch(name)))
    if EMBEDDING not in held or not layers:
        missing = [name for name in (EMBEDDING, GATE.format("2")) if name not in held]
        raise InputError(str(path), missing, "these tensors are missing: is it an Aligner's file?")
    every = range(layers[0], layers[-1] + 1)
    wanted = {EMBEDDING} | {form.format(at) for at in every for form in (GATE, COPY)}
    if wanted - set(held):
        raise InputError(str(path), sorted(wanted - set(held)), "these tensors are missing")
    if set(held) - wanted:
        raise InputError(str(path), sorted(set(held) - wanted), "an Aligner has no such tensors")
    embedding = held[EMBEDDING]
    if embedding.dim() != 2 or not embedding.numel():
        raise InputError(EMBEDDING, tuple(embedding.shape), "give tokens x width")
    heads = held[GATE.format(every[0])].numel()
    for at in every:
        gate, copy = held[GATE.format(at)], held[COPY.format(at)]
        if tuple(gate.shape) != (1, heads, 1, 1) or not heads:
            remedy = f"give 1 x heads x 1 x 1, as many heads in each layer ({heads} in the first)"
            raise InputError(GATE.format(at), tuple(gate.shape), remedy)
        if not torch.equal(copy, embedding):
            remedy = f"a copy of {EMBEDDING} is wanted: all layers share one embedding"
            raise InputError(COPY.format(at), "another tensor", remedy)
    gates = torch.stack([held[GATE.format(at)].flatten() for at in every])
    return Released(embedding, gates, every[0])


def _layers(model: PeftModel) -> dict[int, AlignerLayer]:
    found = (one for one in model.modules() if isinstance(one, AlignerLayer))
    return {one.base_layer.layer_idx: one for one in found}


def load(model: Any, path: str | Path, adapter_name: str = "default") -> PeftModel:
    """Return ``model`` with the adapter in a file of the authors' layout, ready to be used.

    Args:
        model: A transformers model, or one with Aligners already, which gets one more.
        path: The file.
        adapter_name: What to call the adapter in the model.

    Raises:
        InputError: The file cannot be read as such, or is for a model of another shape.
    """
    released = read(path)
    config = released.config()
    fitted(config, model.config.to_dict())
    if isinstance(model, PeftModel):
        model.add_adapter(adapter_name, config)
    else:
        model = get_peft_model(model, config, adapter_name=adapter_name)
    with torch.no_grad():
        model.base_model.aligner_embedding[adapter_name].weight.copy_(released.embedding)
        for at, layer in _layers(model).items():
            layer.aligner_gate[adapter_name].weight.copy_(released.gates[at - released.first_layer])
    return model


def write(
    model: PeftModel,
    path: str | Path,
    adapter_name: str = "default",
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write an adapter in the authors' layout.

    Args:
        model: A model with Aligners.
        path: The file to write.
        adapter_name: Which of them.
        dtype: The authors' files are in bfloat16, which keeps three digits; float32 keeps all.

    Raises:
        InputError: The model has no Aligner of that name.
    """
    embeddings = getattr(model.base_model, "aligner_embedding", {})
    if adapter_name not in embeddings:
        raise InputError("adapter_name", adapter_name, f"the model has {sorted(embeddings)}")
    embedding = embeddings[adapter_name].weight.detach().cpu().to(dtype)
    held = {EMBEDDING: embedding}
    for at, layer in sorted(_layers(model).items()):
        if adapter_name in layer.aligner_gate:
            gate = layer.aligner_gate[adapter_name].weight.detach().cpu().to(dtype)
            held[GATE.format(at)] = gate.clone().view(1, -1, 1, 1)
            held[COPY.format(at)] = embedding
    torch.save(held, path)
