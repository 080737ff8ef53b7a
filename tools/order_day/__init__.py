"""A day of orders, made up from a real demand profile: played on real workers, and compared with other ways to route.

    profile.py        what shoppers buy: figures of a real shop, in profile.json; make_profile.py made them
    places.py         fifty places where goods lie, and where shoppers live
    day.py            the day itself from a seed: orders, what becomes of each, the stock of every place
    topology_file.py  the topology that the day runs on
    kills.py          SIGKILL to either agent, at moments drawn from a seed
    course.py         what shop and warehouse do next with an order, told from its status
    outside.py        what shop, tills and warehouse publish
    live.py           the day on Apache Kafka, as fast as it goes
    checks.py         what must hold afterwards, judged from the topics
    routing.py        what every way to route is judged by: orders, stock, costs
    routed.py         orders through the cores of router and ledger, in memory
    naive.py          four policies as shops have them
    optimum.py        the best that could have been done, by integer programming
    comparing.py      all of them on the same orders and the same stock, in one table

`python -m tools.order_day --help` runs it; docs/reference/order-day.md says what came out.
"""
