"""The only place that acts on a stage and waits.

In reading order: `context` (what a run works with, what it has done), `executor` (the order of a step: lock, intent,
change, result, and the way back), `checks` (which function does a step that only waits and judges), `polling` (every
wait), and `journaling`. Then by topic, a step's doing, waiting and judging together:

- publication: `upload`;
- environments: `environments` (creation, capacity, termination), `updates` (of what stands), `events`, `presence`
  (whether one is gone, and why), `busy`, `hopeless` (an operation that has failed for good);
- gates: `gates` (smoke test, proof, live all along), `tenants`, `health`, `http` (the requests themselves),
  `preflight` (what is read before a release begins);
- the swap: `swap`, `leading` (where the live name leads), `promotion` (recording that live changed hands), `bake`;
- retirement: `drain`;
- failure: `diagnosis` (events, causes and logs are read), `suspicion` (bad health looked into while a gate waits).
"""
