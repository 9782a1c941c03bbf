"""Sigma: rulebook, compile, match. The only room that imports `sigma`, and only where the cache lacks the rules."""

from secops.siem.detect.load import load_detector
from secops.siem.detect.match import SigmaDetector
from secops.siem.detect.selection import Selection

__all__ = ["Selection", "SigmaDetector", "load_detector"]
