"""Pages of the policy and audit wing."""
