"""Policies in the templates of Helm charts: rendered, judged, fixed in the template, proved by rendering again."""
