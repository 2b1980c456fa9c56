"""What of a model is trained: all of it, or an adapter that PEFT lays over it."""

from typing import Any

from diagnose.errors import ConfigError
from diagnose.training.settings import TrainSettings

# Whose attention PEFT's AdaptionPrompt knows how to wrap.
LLAMA_ADAPTER = ("llama", "mistral")


def adapter_of(settings: TrainSettings, model: Any) -> Any:
    """Return the PEFT configuration of the adapter to train; None where all weights are trained.

    Args:
        settings: adapter and options.
        model: of transformers.

    Raises:
        ConfigError: the adapter does not exist for this architecture, or not of this size.
        InputError: an option of the Aligner cannot be meant.
    """
    given, config = settings.adapter_settings, model.config.get_text_config()
    if settings.adapter == "full":
        return None
    if settings.adapter == "lora":
        from peft import LoraConfig

        modules = given["target_modules"]
        _present(model, modules)
        return LoraConfig(
            task_type="CAUSAL_LM",
            r=given["r"],
            lora_alpha=given["alpha"],
            lora_dropout=given["dropout"],
            target_modules=modules if isinstance(modules, str) else list(modules),
        )
    if settings.adapter == "aligner":
        from diagnose.training.aligner import AlignerConfig

        try:
            return AlignerConfig(**given)
        except TypeError as error:
            raise ConfigError("adapter", dict(given), str(error)) from error
    from peft import AdaptionPromptConfig

    if config.model_type not in LLAMA_ADAPTER:
        known = ", ".join(LLAMA_ADAPTER)
        remedy = f"PEFT has it for {known}; give adapter=aligner, which is its neighbour, or lora"
        raise ConfigError("adapter", f"llama_adapter of {config.model_type}", remedy)
    layers = given["layers"] or max(config.num_hidden_layers - 2, 1)
    if layers > config.num_hidden_layers:
        raise ConfigError("adapter.layers", layers, f"the model has {config.num_hidden_layers}")
    return AdaptionPromptConfig(
        task_type="CAUSAL_LM", adapter_len=given["tokens"], adapter_layers=layers
    )


def _present(model: Any, modules: Any) -> None:
    """Refuse names of modules that the model does not have."""
    if isinstance(modules, str):  # all-linear, or an expression that PEFT reads
        return
    ends = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    for name in modules:
        if name.rpartition(".")[2] not in ends:
            raise ConfigError("adapter.target_modules", name, "the model has no such module")
