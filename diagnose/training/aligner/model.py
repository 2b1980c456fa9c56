"""The tuner: a model with an Aligner, or several, as PEFT handles it."""

import dataclasses
import re
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTuner, _check_adapters_not_merged
from torch import nn

from diagnose.errors import InputError
from diagnose.seeds import stream
from diagnose.training.aligner.config import AlignerConfig, fitted
from diagnose.training.aligner.layer import AlignerLayer, Weights
from diagnose.training.aligner.merge import declare, mergeable
from diagnose.training.aligner.registration import PREFIX

LAYER = re.compile(r"(?:^|\.)layers\.(\d+)\.self_attn$")
ATTENTIONS = ("LlamaAttention", "Qwen2Attention", "Qwen3Attention", "Gemma3Attention")


def start(config: AlignerConfig) -> torch.Tensor:
    """Return the tokens before training, N(0, 1), the same on every machine.

    Shape: (tokens, width)
    """
    draw = stream(config.seed, "aligner", "embedding")
    return torch.from_numpy(draw.standard_normal((config.num_tokens, config.hidden_size or 0)))


class AlignerModel(BaseTuner):
    """A transformers model whose attention reads global tokens."""

    uses_shared_state = True
    prefix = PREFIX
    tuner_layer_cls = AlignerLayer

    def _pre_injection_hook(self, model: Any, config: Any, adapter_name: str) -> None:
        self.aligner_embedding = nn.ModuleDict()

    def _prepare_adapter_config(self, peft_config: Any, model_config: dict[str, Any]) -> Any:
        """Fit a copy to the model: one configuration may serve models of several sizes."""
        ready = dataclasses.replace(peft_config, **fitted(peft_config, model_config))
        for name, config in self.peft_config.items():
            if config is peft_config and name not in self.aligner_embedding:
                self.peft_config[name] = ready
        return ready

    @staticmethod
    def _check_target_module_exists(peft_config: Any, key: str) -> bool:
        found = LAYER.search(key)
        return found is not None and int(found[1]) >= peft_config.first_layer

    def _create_and_replace(
        self,
        peft_config: Any,
        adapter_name: str,
        target: Any,
        target_name: str,
        parent: Any,
        current_key: str,
        parameter_name: str | None = None,
    ) -> None:
        if not isinstance(target, AlignerLayer):
            if type(target).__name__ not in ATTENTIONS:
                remedy = f"an Aligner is for {', '.join(ATTENTIONS)}"
                raise InputError(current_key, type(target).__name__, remedy)
            target = AlignerLayer(target, self.aligner_embedding)
            target._active_adapter = self.active_adapters
            self._replace_module(parent, target_name, target, None)
        target.add(adapter_name, peft_config.num_heads)
        if adapter_name not in self.aligner_embedding:
            gate = target.aligner_gate[adapter_name].weight
            tokens = start(peft_config).to(device=gate.device, dtype=gate.dtype)
            self.aligner_embedding[adapter_name] = Weights(tokens)

    def _replace_module(self, parent: Any, child_name: str, new_module: Any, child: Any) -> None:
        """Put one attention in another's place: it has no weight of its own to hand on."""
        setattr(parent, child_name, new_module)

    def _follow(self) -> None:
        """Let tokens be trained where their gates are."""
        gates: dict[str, bool] = {}
        for layer in self.model.modules():
            if isinstance(layer, AlignerLayer):
                for name, gate in layer.aligner_gate.items():
                    gates[name] = gates.get(name, False) or gate.weight.requires_grad
        for name, embedding in self.aligner_embedding.items():
            embedding.requires_grad_(gates.get(name, False))

    def _enable_adapter_layers(self, enabled: bool = True) -> None:
        super()._enable_adapter_layers(enabled)
        self._follow()

    def set_adapter(self, adapter_name: str | list[str], inference_mode: bool = False) -> None:
        """Set the adapters in use."""
        super().set_adapter(adapter_name, inference_mode=inference_mode)
        self._follow()

    def set_requires_grad(
        self, adapter_names: str | Sequence[str], requires_grad: bool = True
    ) -> None:
        """Have adapters trained, or not."""
        super().set_requires_grad(adapter_names, requires_grad)
        self._follow()

    def delete_adapter(self, adapter_name: str) -> None:
        """Delete an adapter, its tokens with it.

        PEFT asks one layer what is in use next, and a layer may hold some of the adapters only.
        """
        _check_adapters_not_merged(self.model, adapter_name)
        if adapter_name in self.peft_config and adapter_name in self.active_adapters:
            left = [name for name in self.active_adapters if name != adapter_name]
            others = [name for name in self.peft_config if name != adapter_name]
            if not left and others:
                left = others[:1]
                warnings.warn(
                    f"{adapter_name} was in use and is deleted: {left[0]} is now", stacklevel=3
                )
            self.set_adapter(left)
        super().delete_adapter(adapter_name)
        del self.aligner_embedding[adapter_name]

    def _check_mergeable(self, adapter_names: list[str] | None) -> None:
        """Refuse before anything is changed."""
        for name in self.active_adapters if adapter_names is None else adapter_names:
            if name not in self.peft_config:
                remedy = f"the model has {', '.join(sorted(self.peft_config))}"
                raise InputError("adapter_names", name, remedy)
            mergeable(name, self.peft_config[name].num_tokens)

    def merge_adapter(
        self, adapter_names: list[str] | None = None, safe_merge: bool = False
    ) -> None:
        """Merge adapters of one token in place; ``unmerge_adapter`` takes it back to the bit."""
        self._check_mergeable(adapter_names)
        super().merge_adapter(adapter_names=adapter_names, safe_merge=safe_merge)

    def _unload_and_optionally_merge(
        self,
        merge: bool = True,
        progressbar: bool = False,
        safe_merge: bool = False,
        adapter_names: list[str] | None = None,
    ) -> Any:
        if merge:
            self._check_mergeable(adapter_names)
        model = super()._unload_and_optionally_merge(merge, progressbar, safe_merge, adapter_names)
        if merge:
            declare(model)
        return model

    @classmethod
    def _remap_adapter_state_dict_for_load(
        cls, model: Any, config: Any, adapter_name: str, state_dict: dict[str, Any]
    ) -> dict[str, Any]:
        """Name what is missing, left over or of another shape; PEFT would let some pass."""
        remapped: dict[str, Any] = super()._remap_adapter_state_dict_for_load(
            model, config, adapter_name, state_dict
        )
        there = model.state_dict()
        ending = f".{adapter_name}.weight"
        wanted = {key for key in there if f".{PREFIX}" in key and key.endswith(ending)}
        given = set(remapped)
        if wanted - given:
            raise InputError("adapter", sorted(wanted - given), "these tensors are missing")
        if given - set(there):
            raise InputError(
                "adapter", sorted(given - set(there)), "an Aligner has no such tensors"
            )
        for key in sorted(wanted):
            if remapped[key].shape != there[key].shape:
                shape = tuple(remapped[key].shape)
                raise InputError(key, shape, f"the model's is {tuple(there[key].shape)}")
        return remapped
