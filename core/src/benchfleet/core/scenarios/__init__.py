"""How load arrives: one file a scenario, found by its name by agent, controller and runner alike.

The runner loads the file by its path under whatever interpreter a board's runtime needs, and the controller reads the
same file to check documents and to plan. So it imports the standard library alone, in the syntax of Python 3.8, and
what it needs to make load is handed to `drive`. A file holds:

    SAMPLE                    one line: what one latency sample is
    SHOWS                     the metrics that answer what it asks, for reports
    PARAMS                    {name: {kind, max, default, help}}; see benchfleet.core.scenario
    drive(load)               one round: picks arrivals and calls one loop of benchfleet.agent.runner.load.Load
    refuse(batch, params)     why a batch does not go with it; None when it does

Optional:

    pace(profile, params)     what differs from the profile of that name: launches, rounds_min, round_span_s, ...
    streams(params)           calls that are under way at the same time
    batch_max(params)         the largest batch in one call, where the scenario makes the batches
    batches(params)           batch sizes that need a session of their own
    ALONE = True              a round of another model in between would change what is measured
    WARM = False              no warm-up before the rounds
"""
