"""From what an operator types to a small query tree. Pure: the store turns the tree into SQL or Elasticsearch DSL."""
