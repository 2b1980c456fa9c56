"""Runs code that a model wrote: a Python subset in a process of its own, with host functions.

Built on pydantic-monty, whose interpreter has no file, network, process or introspection access;
what crosses to the host is checked here again (``values``).
"""

from diagnose.sandbox.interpreter import MAX_CODE, Halt, Limits, Ran, Sandbox
from diagnose.sandbox.values import check_plain, shown

__all__ = ["MAX_CODE", "Halt", "Limits", "Ran", "Sandbox", "check_plain", "shown"]
