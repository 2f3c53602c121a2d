"""The engines, each as text, by its own checker, and run for real."""

import pytest

pytest.register_assert_rewrite("tests.engines.story")  # so that its assertions say what they saw
