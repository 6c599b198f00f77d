"""Convolutions with 3×3 kernels on CPUs, with a quarter of the multiplications.

Winograd's minimal filtering (Lavin & Gray 2016), written in C++ and compiled when it is first used.
"""
