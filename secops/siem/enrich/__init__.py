"""Enrichers: columns in, columns out."""

from secops.siem.enrich.context import EnrichContext, make_context
from secops.siem.enrich.labels import enrich
from secops.siem.enrich.masking import mask, mask_text

__all__ = ["EnrichContext", "enrich", "make_context", "mask", "mask_text"]
