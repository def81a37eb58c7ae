"""A Functions host for one machine: runs a Python v2 app's HTTP, Event Grid, queue and timer functions.

What it imitates of Azure Functions 4: routes and route prefix, the Event Grid webhook with its answers, queue triggers
with dequeue counts, retries, poison queues and renewed leases, six-field timers in UTC, output to queues by `func.Out`
and `$return`, a thread pool for synchronous functions, and the platform's sign-in (Easy Auth) with its headers.
What it does not: function and system keys (like Core Tools, it lets every caller in), other bindings, blob-backed timer
state (a timer missed while the host was down is not made up), scaling out, and the 230 s limit of HTTP answers.
"""
