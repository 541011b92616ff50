"""Inference on a fit: degrees of freedom, contrasts and means, F tests."""
