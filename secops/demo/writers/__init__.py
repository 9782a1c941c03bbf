"""One module per product: facts in, the bytes that the product writes out."""
