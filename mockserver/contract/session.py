"""The one way to a target. Whatever bounds a run (allow-list, leave to write, budget, rate, secrets) is enforced here.

For the engine: a command opens a run with `mockserver.commands.targets_cli`::

    add_target_flags(parser)                 # --target, --targets, --live, --write, --recover, --state-dir, ...
    if options.recover:
        return run_recover(options)
    with open_session(options) as run:       # run: mockserver.contract.restore.GuardedRun
        for case in cases:
            if reason := run.refusal(call):  # may not be sent here: the case is NOT_VERIFIABLE, with this reason
                continue
            with run.guard(case.id):         # reads, restores and reads back whatever the case changed
                reply = run.session.send(call)

`run.keys` are the profiles that may be used, `run.profiles[key]` each as it was last read (a dictionary), `run.absent`
keys that do not exist, `run.reader` a Session that signs as the target's second user, or None (403 is then not
verifiable), `run.target.mock` says that it is a mock. In a dry run (any other target without --live) `run.dry` is true:
nothing is sent, each `send` answers 200 with the contract's example profile, and the plan is printed at the end.

What `send` and `guard` raise ends the run and already has its exit code: SafetyRefusal (4), Inconclusive (3). Two kinds
of Inconclusive end only the case: `NoAnswer` and `Throttled`. A 5xx is returned once; the next `send` then raises
unless the run was told to go on. A write is never sent twice.
"""

from __future__ import annotations
