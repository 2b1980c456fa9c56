"""One adapted layer: a model's attention with a gate for each of its heads, for each adapter."""

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer, check_adapters_to_merge
from torch import nn

from diagnose.errors import InputError
from diagnose.training.aligner.attention import Named, Prefix, prefix
from diagnose.training.aligner.merge import add_bias, steering


class Weights(nn.Module):
    """A parameter by the name of ``weight``.

    A module, not a bare parameter: trainers find an adapter's parameters by ``.default.`` in their
    names, and TRL copies a reference adapter that way.
    """

    def __init__(self, start: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(start)


class AlignerLayer(nn.Module, BaseTunerLayer):
    """An attention that reads the tokens of the adapters in use.

    Args:
        base_layer: The model's attention.
        embeddings: The adapters' tokens, which the tuner owns and all layers share.
    """

    adapter_layer_names = ("aligner_gate",)
    other_param_names = ()

    def __init__(self, base_layer: nn.Module, embeddings: nn.ModuleDict) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.aligner_gate = nn.ModuleDict()
        # In a tuple, where torch does not look for parameters: the tuner's are saved once.
        self._shared = (embeddings,)
        self._disable_adapters = False
        self._active_adapter: list[str] = []
        self.merged_adapters: list[str] = []
        self._bias_before: torch.Tensor | None = None
        base_layer.config = Named(base_layer.config)

    @property
    def embeddings(self) -> Mapping[str, Weights]:
        """The adapters' tokens."""
        held: Mapping[str, Weights] = self._shared[0]
        return held

    def add(self, adapter: str, heads: int) -> None:
        """Give ``adapter`` closed gates here, kept in float32 whatever the model is kept in."""
        weight = self.base_layer.o_proj.weight
        dtype = torch.promote_types(weight.dtype, torch.float32)
        gate = torch.zeros(heads, dtype=dtype, device=weight.device)
        self.aligner_gate[adapter] = Weights(gate)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Attend; the adapters in use come along as prefixes."""
        if self._disable_adapters and self.merged_adapters:
            self.unmerge()
        if self._disable_adapters or self.merged_adapters:
            return self.base_layer(*args, **kwargs)
        cache = kwargs.get("past_key_values")
        prefixes = tuple(
            self._prefix(name, cache) for name in self._active_adapter if name in self.aligner_gate
        )
        return self.base_layer(*args, prefixes=prefixes, **kwargs)

    def _prefix(self, adapter: str, cache: Any) -> Prefix:
        """Return an adapter's prefix, once for each sequence that is being written.

        It is kept in the model's own cache, beside the keys of the words, and dropped with it.
        """
        embedding = self.embeddings[adapter].weight
        gate = self.aligner_gate[adapter].weight
        if cache is None or torch.is_grad_enabled():
            return prefix(self.base_layer, embedding, gate)
        held = cache.__dict__.setdefault("_aligner", {})
        place = (self.base_layer.layer_idx, adapter)
        if place not in held or not cache.get_seq_length(self.base_layer.layer_idx):
            held[place] = prefix(self.base_layer, embedding, gate)
        found: Prefix = held[place]
        return found

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Put adapters of one token into the output projection's bias.

        Raises:
            InputError: One has more tokens, or weights that are not finite (with ``safe_merge``).
        """
        names = check_adapters_to_merge(self, adapter_names)
        names = [name for name in names if name in self.aligner_gate]
        added = [
            steering(self.base_layer, self.embeddings[name].weight, self.aligner_gate[name].weight)
            for name in names
        ]
        if safe_merge and not all(bool(one.isfinite().all()) for one in added):
            raise InputError("adapter", names, "its weights are not finite: train it anew")
        if added and not self.merged_adapters:
            bias = self.base_layer.o_proj.bias
            self._bias_before = None if bias is None else bias.detach().clone()
        for name, one in zip(names, added, strict=True):
            add_bias(self.base_layer.o_proj, one)
            self.merged_adapters.append(name)

    def unmerge(self) -> None:
        """Give the output projection the bias it had, to the bit."""
        if not self.merged_adapters:
            warnings.warn("Already unmerged, nothing to do.", stacklevel=2)
            return
        projection = self.base_layer.o_proj
        if self._bias_before is None:
            projection.bias = None
        else:
            with torch.no_grad():
                projection.bias.copy_(self._bias_before)
        self._bias_before = None
        self.merged_adapters = []

    def unload_and_optionally_merge_module(
        self, merge: bool, safe_merge: bool, adapter_names: list[str] | None
    ) -> nn.Module:
        """Return the model's own attention, merged or as it was."""
        if merge:
            self.merge(safe_merge=safe_merge, adapter_names=adapter_names)
        elif self.merged_adapters:
            self.unmerge()
        self.base_layer.config = self.base_layer.config.config
        return self.base_layer

    def _move_adapter_to_device_of_base_layer(
        self, adapter_name: str, device: torch.device | None = None
    ) -> None:
        """Follow the layer after weights were put in place from elsewhere; the dtype is kept."""
        where = device or self.base_layer.o_proj.weight.device
        for held in (self.aligner_gate, self.embeddings):
            if adapter_name in held and held[adapter_name].weight.device.type != "meta":
                held[adapter_name].to(where)
