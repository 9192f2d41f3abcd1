from shop import Order


def test_what_remains_is_never_negative():
    order = Order(cents=500, paid=300)
    order.refund(400)
    assert order.paid == 0
