"""The names of `secops.siem.ports`, which bring their modules when they are asked for."""

import subprocess
import sys

import pytest

from secops.siem import ports


@pytest.mark.parametrize("name", ports.__all__)
def test_every_name_is_there(name):
    assert getattr(ports, name) is vars(ports)[name]  # kept for the next who asks


def test_a_wrong_name_is_no_attribute():
    with pytest.raises(AttributeError, match="Nothing"):
        ports.Nothing  # noqa: B018 - asking is the test


def test_a_name_brings_its_module_and_no_other():
    code = (
        "import sys; from secops.siem.ports import Origin;"
        "print([name for name in sys.modules if name.startswith('secops.siem.ports.')])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "['secops.siem.ports.journal']"
