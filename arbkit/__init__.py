"""arbkit: the Amazon EU arbitrage workbench.

The data walks one way, and the modules are named for it:
``sources → producer → log → consumer → store → money → detect → reports / apps``.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
