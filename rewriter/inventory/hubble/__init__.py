"""Observed traffic: flows exported by Hubble, added up, and what agent logs say of dead policies."""
