"""Users, roles, sessions, scope and the audit log: values and rules.

* `ports`: the values, and the `Accounts` protocol that `secops.store.records.accounts` implements;
* `passwords`: what a password must be, argon2id hashes;
* `rights`: who loses something by a change of role or scope;
* `throttle`: how guessing is slowed down.
"""
