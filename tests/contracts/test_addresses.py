"""E-mail addresses: what is none, and which are the same."""

import pytest
from pydantic import TypeAdapter, ValidationError

from contracts.identity import EmailAddress

ADDRESS: TypeAdapter[str] = TypeAdapter(EmailAddress)


@pytest.mark.parametrize("written", ["Jose\u0301@C.De", "jos\u00e9@c.de", " JOS\u00c9@c.de "])
def test_however_it_is_typed_it_is_one_address(written: str) -> None:
    assert ADDRESS.validate_python(written) == "jos\u00e9@c.de"


@pytest.mark.parametrize(
    "written", [".a@c.de", "a.@c.de", "a..b@c.de", "a@-c.de", "a@c-.de", "a@c..de", "a@c", "@c.de"]
)
def test_what_is_no_address(written: str) -> None:
    with pytest.raises(ValidationError):
        ADDRESS.validate_python(written)
