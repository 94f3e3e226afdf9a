"""Which transitions of each flow and task a test session reached, of those that their declared policies make possible.

`arcs` says what is possible, `exercised` what a history reached, `collecting` looks at worlds as they end, `findings`
is the sum of a session, and `table` and `page` show it. Nothing here needs pytest; nobody imports it unasked.
"""
