"""Everything that waits for a GPU, in one command of minutes: ``python -m benchmarks.gpu``.

``runner`` carries out the parts, files with a function ``run(setup)``, each in a process of its own
with a limit of time, so that one that fails, hangs or crashes the device takes nothing from the
others.
"""
