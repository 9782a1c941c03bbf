"""Users, roles, sessions, scope and the audit log: values and rules.

* `ports`: the values, and the `Accounts` protocol that `secops.store.records.accounts` implements;
* `passwords`: what a password must be, argon2id hashes;
* `throttle`: how guessing is slowed down.
"""
