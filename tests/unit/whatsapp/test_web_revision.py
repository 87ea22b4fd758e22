"""Another revision in a copy of the engine: exactly one place is changed, or nothing."""

import struct

import pytest

from bridge.whatsapp.web.worker.failures import Failure
from bridge.whatsapp.web.worker.library import Wheel, binary_name
from bridge.whatsapp.web.worker.revision import patched

OLD, NEW = 1_047_769_893, 1_099_999_999
VERSION = struct.pack("<III", 2, 3000, OLD)


def _wheel(path, data):
    home = path / "wheel"
    home.mkdir()
    (home / binary_name()).write_bytes(data)
    (home / "_binder.py").write_text("")
    return Wheel(home=home, version="0.0.1")


def test_the_copy_differs_in_the_revision_alone(tmp_path):
    wheel = _wheel(tmp_path, b"before" + VERSION + b"after")
    home = patched(wheel, NEW, tmp_path / "numbers")
    assert home == tmp_path / "numbers" / f"engine-0.0.1-{NEW}"
    made = (home / binary_name()).read_bytes()
    assert made == b"before" + struct.pack("<III", 2, 3000, NEW) + b"after"
    assert (home / "_binder.py").exists()
    assert [place.name for place in home.parent.iterdir()] == [home.name]


@pytest.mark.parametrize(
    "data", [b"nothing", VERSION + b"-" + VERSION, VERSION[:-1]], ids=["none", "two", "cut off"]
)
def test_an_engine_whose_revision_is_not_found_is_left_alone(tmp_path, data):
    homes = tmp_path / "numbers"
    with pytest.raises(Failure) as failure:
        patched(_wheel(tmp_path, data), NEW, homes)
    assert failure.value.code == "broken"
    assert not homes.exists()


@pytest.mark.parametrize("wanted", [0, -1, 5, 10**12])
def test_a_number_that_is_no_revision_is_refused(tmp_path, wanted):
    with pytest.raises(Failure) as failure:
        patched(_wheel(tmp_path, VERSION), wanted, tmp_path / "numbers")
    assert failure.value.code == "bad_request"


def test_a_broken_copy_is_made_again_and_a_good_one_is_used(tmp_path):
    wheel = _wheel(tmp_path, VERSION)
    home = patched(wheel, NEW, tmp_path / "numbers")
    (home / binary_name()).write_bytes(b"half")
    assert patched(wheel, NEW, tmp_path / "numbers") == home
    made = (home / binary_name()).stat()
    assert made.st_size == len(VERSION)
    patched(wheel, NEW, tmp_path / "numbers")
    assert (home / binary_name()).stat().st_ino == made.st_ino
