import httpx
import pydantic
import pytest

from shop import Order


def test_the_project_has_its_own_versions():
    assert (pydantic.VERSION, httpx.__version__) == ("1.10.13", "0.23.3")


def test_a_refund_of_what_was_paid():
    assert Order(cents=500, paid=500).refund(200) == 200


def test_a_refund_is_never_more_than_was_paid():
    assert Order(cents=500, paid=300).refund(400) == 300


def test_a_negative_amount_is_refused():
    with pytest.raises(pydantic.ValidationError):
        Order(cents=-1)
