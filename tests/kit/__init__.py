"""What tests share: the place of things, and helpers that more than one folder of tests uses."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
PLUGINS = TESTS / "plugins"
